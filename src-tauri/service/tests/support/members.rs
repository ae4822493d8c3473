//! What tests about members share: inviting, accepting, looking.

use super::{Service, code, text};
use reqwest::Method;
use serde_json::{Value, json};

pub const INVITE: &str = "/api/v1/member_invite/";
pub const MEMBERS: &str = "/api/v1/membership/";
pub const GROUP: &str = "/api/v1/group/";

pub async fn refused(
    service: &Service,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> (u16, String) {
    let (status, answer) = service.ask(method, path, token, body).await;
    (status.as_u16(), code(&answer).to_owned())
}

pub async fn named(service: &Service, token: &str, list: &str, name: &str) -> Value {
    let page = service.get(&format!("/api/v1/{list}/"), token).await;
    let items = page["data"].as_array().unwrap().clone();
    items.into_iter().find(|item| item["name"] == name).unwrap()
}

/// An invitation as this role, and what its link holds.
pub async fn invite(service: &Service, admin: &str, role: &str, more: Value) -> (Value, String) {
    let role = named(service, admin, "role", role).await;
    let mut body = json!({"role_id": role["id"], "expires_in_hours": 24});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let (status, made) = service.post(INVITE, Some(admin), body).await;
    assert_eq!(status, 201, "{made}");
    (made["invite"].clone(), text(&made["token"]))
}

pub fn accepting(token: &str, email: &str) -> Value {
    json!({
        "token": token, "email": email, "first_name": "Nora", "last_name": "Nunn",
        "password": "five-otters-juggle", "client_type": "native",
    })
}

pub async fn accept(service: &Service, token: &str, email: &str) -> (u16, Value) {
    let (status, answer) = service
        .post("/api/v1/auth/accept_invite/", None, accepting(token, email))
        .await;
    (status.as_u16(), answer)
}

pub async fn look(service: &Service, token: &str) -> (u16, Value) {
    let (status, answer) = service
        .post("/api/v1/auth/invite/", None, json!({"token": token}))
        .await;
    (status.as_u16(), answer)
}

pub async fn status_of(service: &Service, admin: &str, invite: &Value) -> String {
    let page = service.get(INVITE, admin).await;
    let all = page["data"].as_array().unwrap().clone();
    let found = all.iter().find(|one| one["id"] == invite["id"]).unwrap();
    text(&found["status"])
}
