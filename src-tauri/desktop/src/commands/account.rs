//! The user's own account. What takes a password or a link's secret goes through here, and not through
//! the window's routes.

use serde::Serialize;
use wire::{
    AuthOptions, EmailChange, EmailRequest, MembershipId, PasswordProof, PasswordRequest,
    PasswordResetOffer, PasswordResetRequest, SecondFactorCode, SecondFactorSetup, route,
};

use tauri::AppHandle;

use super::answer::{Answer, Shell};

/// How hard a password is to guess.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, specta::Type)]
pub struct PasswordStrength {
    /// From 0, guessed at once, to 4, guessed by no one.
    pub score: u8,
    /// What to do; none when it will do.
    pub advice: Option<String>,
}

/// Judges a password as the service will, for a person with these names. The password does not leave
/// this computer.
#[tauri::command]
#[specta::specta]
pub async fn password_strength(
    shell: Shell<'_>,
    password: String,
    names: Vec<String>,
) -> Answer<PasswordStrength> {
    let me = shell.session().view().me.clone();
    let own = me.map(|me| {
        let user = me.user;
        [
            user.first_name,
            user.last_name,
            user.email,
            me.organization.name,
        ]
    });
    let names: Vec<String> = names
        .into_iter()
        .take(8)
        .chain(own.into_iter().flatten())
        .collect();
    // It takes a few milliseconds, which the window doesn't wait for.
    let judged = tauri::async_runtime::spawn_blocking(move || {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        strength::judge(&password, &names)
    });
    let judged = judged
        .await
        .map_err(|error| crate::error::AppError::new("internal", error.to_string()))?;
    Ok(PasswordStrength {
        score: judged.score,
        advice: judged.advice,
    })
}

/// Changes the address that the user signs in with.
#[tauri::command]
#[specta::specta]
pub async fn change_email(
    shell: Shell<'_>,
    email: String,
    password: String,
) -> Answer<EmailChange> {
    let email = email.trim().to_owned();
    let request = EmailRequest { email, password };
    let session = shell.session();
    Ok(session
        .api()
        .call(&route::CHANGE_EMAIL, &(), &request)
        .await?)
}

/// Changes the user's password; they are signed out everywhere else.
#[tauri::command]
#[specta::specta]
pub async fn change_password(
    shell: Shell<'_>,
    old_password: String,
    new_password: String,
) -> Answer<()> {
    let request = PasswordRequest {
        old_password,
        new_password,
    };
    let session = shell.session();
    Ok(session
        .api()
        .call(&route::CHANGE_PASSWORD, &(), &request)
        .await?)
}

/// Creates a link with which a member chooses a new password; it is shown this once.
#[tauri::command]
#[specta::specta]
pub async fn create_password_reset(
    shell: Shell<'_>,
    membership_id: MembershipId,
) -> Answer<String> {
    let session = shell.session();
    let made = session
        .api()
        .call(&route::CREATE_PASSWORD_RESET, &membership_id, &())
        .await?;
    shell.reset_link(&made.token)
}

/// How people can sign in at the service in use.
#[tauri::command]
#[specta::specta]
pub async fn auth_options(shell: Shell<'_>) -> Answer<AuthOptions> {
    let session = shell.session();
    Ok(session.api().call(&route::AUTH_OPTIONS, &(), &()).await?)
}

/// Asks for a reset link by mail.
#[tauri::command]
#[specta::specta]
pub async fn forgot_password(shell: Shell<'_>, email: String) -> Answer<()> {
    let email = email.trim().to_owned();
    Ok(shell.session().api().forgot_password(email).await?)
}

/// Whose password a link is for.
#[tauri::command]
#[specta::specta]
pub async fn look_up_password_reset(
    app: AppHandle,
    shell: Shell<'_>,
    link: String,
) -> Answer<PasswordResetOffer> {
    let token = shell.follow_reset(&app, &link).await?;
    Ok(shell.session().api().look_up_password_reset(token).await?)
}

/// Chooses a new password with such a link. Nobody is signed in by it.
#[tauri::command]
#[specta::specta]
pub async fn reset_password(
    app: AppHandle,
    shell: Shell<'_>,
    link: String,
    password: String,
) -> Answer<()> {
    let token = shell.follow_reset(&app, &link).await?;
    let request = PasswordResetRequest { token, password };
    Ok(shell.session().api().reset_password(&request).await?)
}

/// The second step of signing in.
#[tauri::command]
#[specta::specta]
pub async fn sign_in_code(shell: Shell<'_>, code: String) -> Answer<()> {
    Ok(shell.session().second_step(&code).await?)
}

/// Begins to set up a second factor in the second step.
#[tauri::command]
#[specta::specta]
pub async fn begin_second_factor_at_sign_in(shell: Shell<'_>) -> Answer<SecondFactorSetup> {
    Ok(shell.session().api().set_up_at_sign_in().await?)
}

/// Ends that, and signs in; the recovery codes, which are shown this once.
#[tauri::command]
#[specta::specta]
pub async fn confirm_second_factor_at_sign_in(
    shell: Shell<'_>,
    code: String,
) -> Answer<Vec<String>> {
    Ok(shell.session().confirm_at_sign_in(&code).await?)
}

/// Begins to set up a second factor.
#[tauri::command]
#[specta::specta]
pub async fn set_up_second_factor(shell: Shell<'_>, password: String) -> Answer<SecondFactorSetup> {
    let session = shell.session();
    let proof = PasswordProof { password };
    Ok(session
        .api()
        .call(&route::SET_UP_SECOND_FACTOR, &(), &proof)
        .await?)
}

/// Ends that with a first code; the recovery codes, which are shown this once.
#[tauri::command]
#[specta::specta]
pub async fn confirm_second_factor(shell: Shell<'_>, code: String) -> Answer<Vec<String>> {
    let session = shell.session();
    let code = SecondFactorCode { code };
    let confirmed = session
        .api()
        .call(&route::CONFIRM_SECOND_FACTOR, &(), &code);
    Ok(confirmed.await?.recovery_codes)
}

/// Other recovery codes, which are shown this once.
#[tauri::command]
#[specta::specta]
pub async fn renew_recovery_codes(shell: Shell<'_>, password: String) -> Answer<Vec<String>> {
    let session = shell.session();
    let proof = PasswordProof { password };
    let renewed = session
        .api()
        .call(&route::RENEW_RECOVERY_CODES, &(), &proof);
    Ok(renewed.await?.recovery_codes)
}

/// Removes the user's second factor.
#[tauri::command]
#[specta::specta]
pub async fn remove_second_factor(shell: Shell<'_>, password: String) -> Answer<()> {
    let session = shell.session();
    let proof = PasswordProof { password };
    Ok(session
        .api()
        .call(&route::REMOVE_SECOND_FACTOR, &(), &proof)
        .await?)
}
