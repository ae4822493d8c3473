// Countries and time zones: their codes, their names, and the ones of this computer.

/** The officially assigned codes of two letters (ISO 3166-1), as the service takes them. */
export const COUNTRY_CODES: readonly string[] = `
  AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR
  BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ
  EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW
  GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY
  KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV
  MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY
  QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG
  TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM
  ZW`
  .trim()
  .split(/\s+/);

const UTC = "UTC";
const names = new Intl.DisplayNames(["en"], { type: "region" });

/** A country by its name; by its code where it has none here. */
export function countryName(code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}

/** Every country, by name. */
export function countries(): { code: string; name: string }[] {
  return COUNTRY_CODES.map((code) => ({ code, name: countryName(code) })).sort((a, b) =>
    a.name.localeCompare(b.name),
  );
}

/** A time zone as it is read: `America/New York`. */
export function zoneText(zone: string): string {
  return zone.replaceAll("_", " ");
}

/** Every time zone, and this one, which may have a name that is not used any more. */
export function zones(wanted: string): string[] {
  const known = Intl.supportedValuesOf("timeZone").filter((zone) => zone !== UTC);
  const all = [UTC, ...known];
  return all.includes(wanted) || !wanted ? all : [wanted, ...all];
}

/** The country that this computer speaks the language of. */
export function countryHere(language = navigator.language): string {
  try {
    const region = new Intl.Locale(language).maximize().region ?? "";
    return COUNTRY_CODES.includes(region) ? region : "US";
  } catch {
    return "US";
  }
}

/** This computer's time zone. */
export function zoneHere(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || UTC;
}
