//! The main job of the product, measured from what each party received: who heard whom.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "so does a test fail, and tell what it measured"
)]

use demo::live::Screen;
use demo::story;
use serde_json::Value;
use service::PhoneCodec;

#[tokio::test(flavor = "multi_thread")]
async fn m2_every_party_hears_exactly_whom_the_product_promises() {
    judge(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_so_does_a_real_phone_beyond_a_trunk() {
    judge(Some(PhoneCodec::Pcmu)).await;
}

async fn judge(phone: Option<PhoneCodec>) {
    let data = tempfile::tempdir().expect("a folder");
    let verdict = story::run(&mut Screen::default(), data.path(), phone)
        .await
        .expect("the story is played");
    println!("{}", verdict.tables());
    assert_eq!(
        verdict.cells.len(),
        60,
        "two scenes, five speakers, six listeners"
    );
    let differing: Vec<_> = verdict.cells.iter().filter(|cell| !cell.ok).collect();
    assert!(verdict.ok && differing.is_empty(), "{differing:#?}");

    // What is written for programs has the documented fields.
    let json = serde_json::to_value(&verdict).expect("JSON");
    assert_eq!(json["ok"], true);
    let cells = json["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), 60);
    for cell in cells {
        assert!(
            cell["speaker"].is_string() && cell["listener"].is_string(),
            "{cell}"
        );
        assert!(
            cell["expected"].is_boolean() && cell["heard"].is_boolean(),
            "{cell}"
        );
        assert_eq!(cell["expected"], cell["heard"], "{cell}");
        assert!(cell["level_dbov"].is_f64(), "{cell}");
        let mode = &cell["mode"];
        let is_coach = !["rep", "lead"].map(Value::from).contains(&cell["speaker"]);
        assert_eq!(mode.is_string(), is_coach, "{cell}");
    }
    let is_recorded = |cell: &&Value| cell["listener"] == "recording";
    assert_eq!(cells.iter().filter(is_recorded).count(), 10);
    for mode in ["listen", "whisper", "barge"] {
        assert!(cells.iter().any(|cell| cell["mode"] == mode), "{mode}");
    }
}
