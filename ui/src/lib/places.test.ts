import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  countries,
  COUNTRY_CODES,
  countryHere,
  countryName,
  zoneHere,
  zones,
  zoneText,
} from "./places";

describe("o1: countries", () => {
  it("are the ones that the service takes, by name", () => {
    const service = readFileSync("../src-tauri/service/src/places.rs", "utf8");
    const taken = /COUNTRIES: &str = "([^"]+)"/.exec(service)?.[1] ?? "";
    expect(taken.split(/[\s\\]+/).filter(Boolean)).toEqual(COUNTRY_CODES);
    const all = countries();
    expect(all).toHaveLength(COUNTRY_CODES.length);
    expect(all.map(({ name }) => name)).toContain("Germany");
    expect(all.findIndex(({ code }) => code === "AF")).toBeLessThan(
      all.findIndex(({ code }) => code === "ZW"),
    );
    expect(countryName("no country")).toBe("no country");
  });

  it("begin with this computer's", () => {
    expect(countryHere("de-AT")).toBe("AT");
    expect(countryHere("de")).toBe("DE");
    expect(countryHere("en")).toBe("US");
    expect(countryHere("")).toBe("US");
    expect(countryHere("es-419")).toBe("US");
  });
});

describe("o1: time zones", () => {
  it("are all there are, with this computer's and the one that is wanted", () => {
    const all = zones("Europe/Berlin");
    expect(all[0]).toBe("UTC");
    expect(all).toContain("Europe/Berlin");
    expect(new Set(all).size).toBe(all.length);
    expect(zones("US/Pacific-New")[0]).toBe("US/Pacific-New");
    expect(zones(zoneHere())).toContain(zoneHere());
    expect(zoneText("America/New_York")).toBe("America/New York");
  });
});
