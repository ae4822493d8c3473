//! What may be called what: the same for everything that has a name.

use crate::support;

use reqwest::Method;
use serde_json::json;
use support::members::{GROUP, accepting, invite};
use support::{Service, code, text};

const ACCEPT: &str = "/api/v1/auth/accept_invite/";
const UNSEEN: &str = "\u{200B}\u{2060}\u{E0041}";
const TURNED: &str = "Riley\u{202E}";
const APART: &str = " Zoe\u{308}\u{200B} ";
const COMPOSED: &str = "Zoë";

#[tokio::test]
async fn every_kind_of_name_shows_something_and_turns_nothing_around() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let me = service.get("/api/v1/me/", &admin).await;
    let organization = format!("/api/v1/organization/{}/", text(&me["organization"]["id"]));
    service.assign(&admin, &["+15550199"]).await;
    let number = json!({"number": "+15550199", "type": "internal", "user_ids": []});
    for (method, path, field, rest) in [
        (Method::POST, GROUP, "name", json!({"members": []})),
        (
            Method::POST,
            "/api/v1/role/",
            "name",
            json!({"permissions": []}),
        ),
        (Method::POST, "/api/v1/phone_number/", "label", number),
        (Method::PATCH, &organization, "name", json!({})),
    ] {
        let asked = |name: &str| {
            let mut body = rest.clone();
            body[field] = json!(name);
            body
        };
        for bad in [UNSEEN, TURNED] {
            let body = asked(bad);
            let (status, answer) = service
                .ask(method.clone(), path, Some(&admin), Some(&body))
                .await;
            assert_eq!(status, 400, "{path} {field} {bad:?}: {answer}");
            assert_eq!(code(&answer), "invalid_request", "{path} {field}");
        }
        let body = asked(APART);
        let (status, answer) = service
            .ask(method.clone(), path, Some(&admin), Some(&body))
            .await;
        assert!(status.is_success(), "{path} {field}: {answer}");
        assert_eq!(answer[field], COMPOSED, "{path}");
    }
    service.stop().await;
}

#[tokio::test]
async fn so_do_a_new_members_names_of_which_the_last_may_be_left_out() {
    let mut service = Service::start().await;
    let admin = service.token_of("admin@demo.example").await;
    let (_, token) = invite(&service, &admin, "User", json!({})).await;
    let mut body = accepting(&token, "zoe@demo.example");
    for field in ["first_name", "last_name"] {
        for bad in [UNSEEN, TURNED] {
            let mut body = body.clone();
            body[field] = json!(bad);
            let (status, answer) = service.post(ACCEPT, None, body).await;
            assert_eq!(
                (status.as_u16(), code(&answer)),
                (400, "invalid_request"),
                "{field} {bad:?}"
            );
        }
    }
    body["first_name"] = json!(APART);
    body["last_name"] = json!(" ");
    let (status, tokens) = service.post(ACCEPT, None, body).await;
    assert_eq!(status, 200, "{tokens}");
    let token = text(&tokens["access_token"]);
    let user = service.get("/api/v1/me/", &token).await["user"].clone();
    assert_eq!(
        (&user["first_name"], &user["last_name"]),
        (&json!(COMPOSED), &json!(""))
    );
    service.stop().await;
}
