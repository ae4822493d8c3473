// The names by which a window test finds what it clicks and reads (`data-testid`). They are stable.
//
// Also to be read there: `coaching-bar` has `data-mode` (the confirmed mode), `data-mode-under-way`
// (empty when none), `data-audience` (nobody, rep, everybody), `data-connected`; each `mode-…` has
// `aria-checked`; `call-bar` has `data-status`; `call-coach-…` has `data-mode`; `banner-connection` has
// `data-connection`; `invite-sent-…` and `team-row-…` have `data-status`; `invite-option-…` and every
// Listen button have `aria-disabled`.

/** A part of a name, as it stands in an id. */
const low = (text: string): string => text.toLowerCase();

export const testids = {
  // Sign in
  signIn: "sign-in",
  signInDemo: (email: string) => `sign-in-demo-${email}`,
  signInLocal: "sign-in-local",
  signInServer: "sign-in-server",
  signInUrl: "sign-in-url",
  signInEmail: "sign-in-email",
  signInPassword: "sign-in-password",
  signInSubmit: "sign-in-submit",
  signInError: "sign-in-error",
  signInResuming: "sign-in-resuming",
  signInRetry: "sign-in-retry",
  signInStop: "sign-in-stop",
  signInStarting: "sign-in-starting",

  // Shell
  navLeads: "nav-leads",
  navTeam: "nav-team",
  navSettings: "nav-settings",
  me: "me",
  signOut: "sign-out",
  openWindow: "open-window",
  bannerConnection: "banner-connection",
  notKept: "sign-in-not-kept",
  toast: "toast",

  // Leads
  pageLeads: "page-leads",
  leadSearch: "lead-search",
  leadRow: (name: string) => `lead-row-${name}`,
  pageLead: "page-lead",
  leadNumber: "lead-number",
  leadNumberOption: (kind: string) => `lead-number-${kind}`,
  leadCall: "lead-call",
  leadCallPhone: (phone: string) => `lead-call-${phone}`,
  leadListen: "lead-listen",
  leadInvite: "lead-invite",
  leadCalls: "lead-calls-in-progress",
  leadActivity: "lead-activity",

  // Team
  pageTeam: "page-team",
  teamSearch: "team-search",
  teamTabMembers: "team-tab-members",
  teamTabGroups: "team-tab-groups",
  teamFilter: (filter: string) => `team-filter-${filter}`,
  teamRow: (firstName: string) => `team-row-${low(firstName)}`,
  teamListen: (firstName: string) => `team-listen-${low(firstName)}`,
  teamReason: (firstName: string) => `team-reason-${low(firstName)}`,
  teamLocked: "team-locked",

  // The rep's call
  callBar: "call-bar",
  callStatus: "call-status",
  callMute: "call-mute",
  callHold: "call-hold",
  callKeypad: "call-keypad",
  callKey: (key: string) => `call-key-${key}`,
  callInvite: "call-invite",
  callHangup: "call-hangup",
  callCoach: (firstName: string) => `call-coach-${low(firstName)}`,
  inviteSearch: "invite-search",
  inviteOption: (firstName: string) => `invite-option-${low(firstName)}`,
  inviteSend: "invite-send",
  inviteSent: (firstName: string) => `invite-sent-${low(firstName)}`,

  // Coaching
  coachingBar: "coaching-bar",
  coachingAudience: "coaching-audience",
  coachingElapsed: "coaching-elapsed",
  coachingCost: "coaching-cost",
  coachingMute: "coaching-mute",
  coachingHold: "coaching-hold",
  coachingLeave: "coaching-leave",
  coachingSwitching: "coaching-switching",
  mode: (mode: string) => `mode-${mode}`,
  microphoneLevel: "microphone-level",
  quality: "quality",

  // Invitations
  invitationCard: "invitation-card",
  invitationJoin: "invitation-join",
  invitationDecline: "invitation-decline",

  // Settings
  pageSettings: "page-settings",
  settingsMicrophone: "settings-microphone",
  settingsLoudspeaker: "settings-loudspeaker",
  settingsDevice: (kind: "microphone" | "loudspeaker", id: string) => `settings-${kind}-${id}`,
  settingsTestTone: "settings-test-tone",
  settingsMeter: "settings-meter",
  settingsEcho: "settings-echo-cancellation",
  settingsNoise: "settings-noise-suppression",
  settingsGain: "settings-gain-control",
  settingsTheme: (theme: string) => `settings-theme-${theme}`,
  settingsShortcut: "settings-shortcut",
  settingsShortcutClear: "settings-shortcut-clear",
  settingsShortcutTrouble: "settings-shortcut-trouble",
  settingsAutostart: "settings-autostart",
} as const;
