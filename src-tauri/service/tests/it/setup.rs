//! The first hour: a service that begins empty, its set-up links, and what only its operator may do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what it shares with others"
)]

use crate::support;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service::operator::{self, SetupLinkRequest};
use service::{Config, StartError};
use store::Operation;
use support::{Service, code, config, hooks, text};
use wire::{MicroDollars, OrganizationId, Plan};

const LOOK_UP: &str = "/api/v1/setup/look_up/";
const SET_UP: &str = "/api/v1/setup/";

/// Begins with nothing: no organization, no account, no password.
fn empty() -> Config {
    Config {
        demo: false,
        demo_password: None,
        ..config()
    }
}

async fn link(service: &Service, request: SetupLinkRequest) -> String {
    let store = service.store().await;
    let link = operator::setup_link(&store, &service.config, request).await;
    store.close().await;
    let link = link.unwrap();
    link.split_once("/setup/#").unwrap().1.to_owned()
}

fn founding(token: &str, company: &str, email: &str) -> Value {
    json!({
        "token": token, "organization_name": company, "country": "de",
        "time_zone": "europe/berlin", "first_name": "Ada", "last_name": "Lo",
        "email": email, "password": "five-otters-juggle",
    })
}

async fn sign_in(service: &Service, email: &str) -> (StatusCode, Value) {
    let body = json!({"email": email, "password": "five-otters-juggle", "client_type": "native"});
    service.post("/api/v1/auth/sign_in/", None, body).await
}

/// The token of the first admin of a company that is made for it, and the company.
async fn company(service: &Service, name: &str, email: &str) -> (String, OrganizationId) {
    let token = link(service, SetupLinkRequest::default()).await;
    let (status, done) = service
        .post(SET_UP, None, founding(&token, name, email))
        .await;
    assert_eq!(status, 201, "{done}");
    let (status, tokens) = sign_in(service, email).await;
    assert_eq!(status, 200, "{tokens}");
    let id = OrganizationId::parse(&text(&done["organization_id"])).unwrap();
    (text(&tokens["access_token"]), id)
}

async fn operate(service: &Service, organization: &OrganizationId, operation: Operation) {
    let store = service.store().await;
    operator::operate(&store, organization, &operation)
        .await
        .unwrap();
    store.close().await;
}

#[tokio::test]
async fn o1_a_new_service_holds_nothing_and_a_link_makes_a_company_whose_admin_invites() {
    let mut service = Service::start_with(empty()).await;
    let (status, _) = sign_in(&service, "riley@demo.example").await;
    assert_eq!(status, 401);

    let token = link(&service, SetupLinkRequest::default()).await;
    let (status, offer) = service.post(LOOK_UP, None, json!({"token": token})).await;
    assert_eq!(
        (status.as_u16(), &offer["organization_name"]),
        (200, &Value::Null)
    );
    let body = founding(&token, " Ada & Co ", "Ada@Co.Example");
    let (status, done) = service.post(SET_UP, None, body).await;
    assert_eq!(
        (status.as_u16(), &done["organization_name"]),
        (201, &json!("Ada & Co"))
    );
    let (status, tokens) = sign_in(&service, "ada@co.example").await;
    assert_eq!(status, 200, "{tokens}");
    let admin = text(&tokens["access_token"]);
    let me = service.get("/api/v1/me/", &admin).await;
    let of = &me["organization"];
    assert_eq!(
        (&of["country"], &of["time_zone"]),
        (&json!("DE"), &json!("Europe/Berlin"))
    );
    assert_eq!(me["role"]["name"], "Admin");
    let roles = service.get("/api/v1/role/", &admin).await;
    assert_eq!(roles["data"].as_array().unwrap().len(), 4);
    let (_, invite) = support::members::invite(&service, &admin, "User", json!({})).await;
    let (status, _) = support::members::accept(&service, &invite, "rep@co.example").await;
    assert_eq!(status, 200);
    let audit = service
        .get("/api/v1/audit/?action=organization_set_up", &admin)
        .await;
    assert_eq!(audit["data"][0]["user_id"], me["user"]["id"]);
    service.stop().await;
}

#[tokio::test]
async fn o1_a_link_is_used_once_also_by_many_at_once_and_not_too_late() {
    let mut service = Service::start_with(empty()).await;
    let token = link(&service, SetupLinkRequest::default()).await;
    let tries = (0..6).map(|number| {
        let body = founding(&token, "Once", &format!("one-{number}@co.example"));
        service.post(SET_UP, None, body)
    });
    let answers = futures_util::future::join_all(tries).await;
    let good = answers.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(good, 1, "{answers:?}");
    for (_, answer) in answers.iter().filter(|(status, _)| *status != 201) {
        assert_eq!(code(answer), "invite_expired");
    }
    let late = SetupLinkRequest {
        hours: 0,
        ..SetupLinkRequest::default()
    };
    for token in [token, link(&service, late).await, "x".repeat(64)] {
        let (status, answer) = service.post(LOOK_UP, None, json!({"token": token})).await;
        assert_eq!((status.as_u16(), code(&answer)), (410, "invite_expired"));
        let body = founding(&token, "Late", "late@co.example");
        let (status, answer) = service.post(SET_UP, None, body).await;
        assert_eq!((status.as_u16(), code(&answer)), (410, "invite_expired"));
    }
    service.stop().await;
}

#[tokio::test]
async fn o1_what_cannot_be_is_refused_and_leaves_the_link_as_it_was() {
    let mut service = Service::start_with(empty()).await;
    let token = link(&service, SetupLinkRequest::default()).await;
    let good = founding(&token, "Good", "ada@co.example");
    for (field, bad) in [
        ("organization_name", json!("\u{200B}")),
        ("organization_name", json!("two\nlines")),
        ("country", json!("XX")),
        ("country", json!("")),
        ("time_zone", json!("Europe/Atlantis")),
        ("first_name", json!("")),
        ("email", json!("ada@co.example\r\nBcc: eve@example.com")),
        ("email", json!("no address")),
        ("password", json!("short")),
        ("surprise", json!(1)),
    ] {
        let mut body = good.clone();
        body[field] = bad.clone();
        let (status, answer) = service.post(SET_UP, None, body).await;
        assert_eq!(
            (status.as_u16(), code(&answer)),
            (400, "invalid_request"),
            "{field} {bad}"
        );
    }
    let (status, _) = service.post(SET_UP, None, good).await;
    assert_eq!(status, 201);
    let second = link(&service, SetupLinkRequest::default()).await;
    let known = founding(&second, "Other", "ada@co.example");
    let (status, answer) = service.post(SET_UP, None, known).await;
    assert_eq!((status.as_u16(), code(&answer)), (409, "conflict"));
    service.stop().await;
}

#[tokio::test]
async fn o1_guessing_links_is_limited_by_network_address() {
    let mut service = Service::start_with(Config {
        sign_in_failures_per_address: 3,
        ..empty()
    })
    .await;
    let mut codes = Vec::new();
    for number in 0..5 {
        let body = json!({"token": format!("guess-number-{number}")});
        codes.push(code(&service.post(LOOK_UP, None, body).await.1).to_owned());
    }
    assert_eq!(codes[..3], ["invite_expired"; 3]);
    assert_eq!(codes[3..], ["rate_limited"; 2]);
    service.stop().await;
}

#[tokio::test]
async fn o1_the_page_for_who_has_no_app_keeps_the_secret_to_itself() {
    let mut service = Service::start_with(empty()).await;
    for (path, kind) in [
        ("/setup/", "text/html"),
        ("/setup/page.js", "text/javascript"),
        ("/setup/page.css", "text/css"),
    ] {
        let answer = service
            .http
            .get(format!("{}{path}", service.base))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-type").starts_with(kind));
        assert!(header("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
        let text = answer.text().await.unwrap();
        assert!(
            !text.contains("unsafe-inline") && !text.contains("http://"),
            "{path}"
        );
    }
    service.stop().await;
}

#[tokio::test]
async fn o2_demo_data_and_a_company_are_never_in_one_store() {
    let mut service = Service::start_with(empty()).await;
    company(&service, "Real", "ada@real.example").await;
    service.stop().await;
    let both = Config {
        demo: true,
        ..service.config.clone()
    };
    let refused = service::start(both, hooks()).await.err().unwrap();
    assert!(matches!(refused, StartError::Demo(_)), "{refused}");

    let mut demo = Service::start().await;
    demo.stop().await;
    let without = Config {
        demo: false,
        ..demo.config.clone()
    };
    let refused = service::start(without, hooks()).await.err().unwrap();
    assert!(matches!(refused, StartError::Demo(_)), "{refused}");
    let store = demo.store().await;
    let link = operator::setup_link(&store, &demo.config, SetupLinkRequest::default()).await;
    assert!(link.is_err());
    store.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn o2_the_password_of_demo_data_is_made_at_installation_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mut service = Service::start_with(Config {
        demo_password: None,
        ..config()
    })
    .await;
    let file = service.folder.path().join("demo-password");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let password = std::fs::read_to_string(&file).unwrap();
    for (password, expected) in [(&*password, 200), ("demo-password", 401)] {
        let body =
            json!({"email": "riley@demo.example", "password": password, "client_type": "web"});
        let (status, _) = service.post("/api/v1/auth/sign_in/", None, body).await;
        assert_eq!(status.as_u16(), expected);
    }
    service.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn o2_the_apps_own_service_lets_in_nobody_without_its_secret_and_no_page() {
    use hmac::{Hmac, KeyInit, Mac};
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let secret = "s".repeat(64);
    let file = folder.path().join("local-secret");
    std::fs::write(&file, &secret).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut service = Service::start_with(Config {
        local_secret: Some(file),
        ..config()
    })
    .await;
    let over = |purpose: &str| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(purpose.as_bytes());
        store::random::hex(&mac.finalize().into_bytes())
    };
    // It proves itself over what was just made up, and gives nothing else away.
    let nonce = "0123456789abcdef";
    let port = service.running.as_ref().unwrap().http_addr.port();
    let ask = |path: &str| service.http.get(format!("{}{path}", service.base));
    let proof = ask(&format!("/local/proof?nonce={nonce}"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        proof.text().await.unwrap(),
        over(&format!("service {port} {nonce}"))
    );
    for bad in [
        "/local/proof",
        "/local/proof?nonce=short",
        "/local/proof?nonce=&x=1",
    ] {
        assert_eq!(ask(bad).send().await.unwrap().status(), 403, "{bad}");
    }

    let shown = over("app");
    const HEADER: &str = "x-call-coaching-local";
    for (why, request, expected) in [
        ("nothing", ask("/health"), 403),
        (
            "the secret itself",
            ask("/health").header(HEADER, &secret),
            403,
        ),
        (
            "another's",
            ask("/health").header(HEADER, over("service x")),
            403,
        ),
        ("ours", ask("/health").header(HEADER, &shown), 200),
        (
            "a page",
            ask("/health")
                .header(HEADER, &shown)
                .header("origin", "http://evil.example"),
            403,
        ),
        (
            "a name that leads here",
            ask("/health")
                .header(HEADER, &shown)
                .header("host", "evil.example"),
            403,
        ),
        ("the socket", ask("/api/v1/socket/"), 403),
        ("no such path", ask("/none"), 403),
    ] {
        assert_eq!(request.send().await.unwrap().status(), expected, "{why}");
    }
    service.stop().await;
}

#[tokio::test]
async fn o5_plan_credit_and_numbers_are_the_operators_and_take_effect_while_the_service_runs() {
    let mut service = Service::start_with(empty()).await;
    let (admin, id) = company(&service, "Real", "ada@real.example").await;
    let path = format!("/api/v1/organization/{id}/");
    let patch = json!({"plan": "startup"});
    let (status, answer) = service
        .ask(Method::PATCH, &path, Some(&admin), Some(&patch))
        .await;
    assert_eq!(
        (status.as_u16(), code(&answer)),
        (403, "permission_required")
    );
    let pay = json!({"micro_dollars": 5, "request_id": "mine"});
    let (status, _) = service
        .post("/api/v1/usage/top_up/", Some(&admin), pay.clone())
        .await;
    assert_eq!(status, 403);
    assert_eq!(
        service.get("/api/v1/usage/", &admin).await["top_up_allowed"],
        false
    );
    let number = json!({"number": "+4930123456", "label": "Mine", "type": "internal"});
    let (status, _) = service
        .post("/api/v1/phone_number/", Some(&admin), number)
        .await;
    assert_eq!(status, 403);

    let (mut socket, _) = service.welcomed(&admin).await;
    operate(&service, &id, Operation::Plan(Plan::Startup)).await;
    let changed = socket
        .event_where("me_changed", |event| {
            event["me"]["organization"]["plan"] == "startup"
        })
        .await;
    assert_eq!(
        changed["event"]["me"]["organization"]["plan_change_allowed"],
        false
    );
    operate(&service, &id, operator::credit("25", "Invoice 7").unwrap()).await;
    let told = socket
        .event_where("balance_changed", |event| {
            event["balance"]["balance_micro_dollars"] == 25_000_000
        })
        .await;
    assert_eq!(told["event"]["balance"]["is_low"], false);
    let ledger = service.get("/api/v1/usage/ledger/", &admin).await;
    assert_eq!(ledger["data"][0]["kind"], "credit");
    assert_eq!(ledger["data"][0]["note"], "Invoice 7");
    let assign = operator::assignment("+4930123456", "Main line", wire::PhoneNumberKind::Internal);
    operate(&service, &id, assign.unwrap()).await;
    socket.event("directory_changed").await;
    let numbers = service.get("/api/v1/phone_number/", &admin).await;
    assert_eq!(numbers["data"][0]["number"], "+4930123456");
    operate(&service, &id, Operation::TopUpAllowed(true)).await;
    let (status, balance) = service
        .post("/api/v1/usage/top_up/", Some(&admin), pay)
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        balance["balance_micro_dollars"],
        json!(MicroDollars(25_000_005))
    );
    service.stop().await;
}

#[tokio::test]
async fn o5_who_is_suspended_is_signed_out_at_once_and_told_why_at_the_next_try() {
    let mut service = Service::start_with(empty()).await;
    let (admin, id) = company(&service, "Real", "ada@real.example").await;
    let (other, _) = company(&service, "Other", "eve@other.example").await;
    let (mut socket, _) = service.welcomed(&admin).await;
    operate(&service, &id, Operation::Suspended(true)).await;
    let (status, _) = service
        .ask(Method::GET, "/api/v1/me/", Some(&admin), None)
        .await;
    assert_eq!(status, 401);
    while !socket.next().await.is_null() {}
    let (status, answer) = sign_in(&service, "ada@real.example").await;
    assert_eq!(
        (status.as_u16(), code(&answer)),
        (403, "permission_required")
    );
    assert!(text(&answer["error"]["message"]).contains("suspended"));
    // A wrong password learns nothing of it.
    let body =
        json!({"email": "ada@real.example", "password": "wrong-password", "client_type": "web"});
    let (status, _) = service.post("/api/v1/auth/sign_in/", None, body).await;
    assert_eq!(status, 401);
    service.get("/api/v1/me/", &other).await;

    operate(&service, &id, Operation::Suspended(false)).await;
    assert_eq!(sign_in(&service, "ada@real.example").await.0, 200);
    service.stop().await;
}
