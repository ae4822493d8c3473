//! Embeds what Tauri needs of `tauri.conf.json` and the capabilities.

fn main() {
    // Tauri watches its usual folders only.
    for folder in ["src-tauri/desktop/capabilities", "ui/dist"] {
        println!("cargo::rerun-if-changed={folder}");
    }
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("src-tauri/desktop/capabilities/*.json");
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error={error:#}");
    }
}
