//! The demonstration's organizations, as data: what a new store holds when it is asked for.

use wire::{PhoneNumberKind, Plan};

/// Given name, family name, e-mail, role, groups.
pub type DemoPerson = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

/// A contact and its numbers.
pub type DemoContact = (&'static str, &'static [&'static str]);

/// Number, label, kind, and the e-mail of who owns it and alone may call from it, if not everybody.
pub type DemoNumber = (
    &'static str,
    &'static str,
    PhoneNumberKind,
    Option<&'static str>,
);

/// One organization to be made.
pub struct DemoOrganization {
    /// Its name.
    pub name: &'static str,
    /// Its plan.
    pub plan: Plan,
    /// Whether its calls are recorded (R1).
    pub recorded: bool,
    /// What it has paid in, in micro-dollars.
    pub funds: i64,
    /// Its members.
    pub people: &'static [DemoPerson],
    /// Leads, each with its contacts.
    pub leads: &'static [(&'static str, &'static [DemoContact])],
    /// Its numbers.
    pub numbers: &'static [DemoNumber],
}

/// The two organizations of the demonstration. The last two digits of a number say what the simulated
/// lead does there: 00 answers, 01 is busy, 02 does not answer, 03 hangs up, 04 cannot be reached.
pub const ORGANIZATIONS: &[DemoOrganization] = &[
    DemoOrganization {
        name: "Acme Sales",
        plan: Plan::Enterprise,
        recorded: true,
        funds: 25_000_000,
        people: &[
            ("Riley", "Reed", "riley@demo.example", "User", &["Sales"]),
            (
                "Morgan",
                "Moss",
                "morgan@demo.example",
                "Manager",
                &["Coaches"],
            ),
            (
                "Casey",
                "Cole",
                "casey@demo.example",
                "Manager",
                &["Coaches"],
            ),
            (
                "Jordan",
                "Jay",
                "jordan@demo.example",
                "Manager",
                &["Coaches"],
            ),
            (
                "Taylor",
                "Tate",
                "taylor@demo.example",
                "Trainee",
                &["Sales"],
            ),
            ("Sam", "Shaw", "sam@demo.example", "User", &["Sales"]),
            ("Alex", "Ash", "admin@demo.example", "Admin", &[]),
        ],
        leads: &[
            ("Globex", &[("Gina Grant", &["+15557000100"])]),
            (
                "Initech",
                &[
                    (
                        "Ivan Ingram",
                        &["+15557000200", "+15557000201", "+15557000202"],
                    ),
                    ("Iris Irwin", &["+15557000203", "+15557000204"]),
                ],
            ),
            ("Hooli", &[("Hana Holt", &["+15557000300"])]),
        ],
        numbers: &[
            ("+15550001", "Main line", PhoneNumberKind::Internal, None),
            (
                "+15550002",
                "Caller id only",
                PhoneNumberKind::External,
                None,
            ),
            ("+15550003", "Forwards", PhoneNumberKind::Virtual, None),
            (
                "+15550004",
                "Riley's line",
                PhoneNumberKind::Internal,
                Some("riley@demo.example"),
            ),
        ],
    },
    DemoOrganization {
        name: "Other Org",
        plan: Plan::Professional,
        recorded: false,
        funds: 5_000_000,
        people: &[(
            "Olive",
            "Orr",
            "other@other.example",
            "Admin",
            &["Everybody"],
        )],
        leads: &[("Umbrella", &[("Uma Unger", &["+15557000900"])])],
        numbers: &[("+15550009", "Main line", PhoneNumberKind::Internal, None)],
    },
];
