// The pages that links of mails open. The secret is after `#`; it goes into requests and nowhere else.
const token = location.hash.slice(1);
const page = document.body.dataset.page;
const said = document.getElementById("said");
const form = document.getElementById("form");

async function ask(path, body) {
  const response = await fetch(`/api/v1/auth/${path}/`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const answer = text ? JSON.parse(text) : null;
  if (!response.ok) throw new Error(answer?.error?.message ?? "Something went wrong. Try again.");
  return answer;
}

async function attempt(doing) {
  try {
    await doing();
  } catch (error) {
    said.textContent =
      error instanceof TypeError ? "The service can't be reached. Try again." : error.message;
  }
}

function done(text) {
  form.hidden = true;
  said.textContent = text;
  history.replaceState(null, "", location.pathname);
}

if (page === "reset") {
  void attempt(async () => {
    const offer = await ask("reset", { token });
    said.textContent = `For ${offer.email} at ${offer.organization_name}.`;
    form.hidden = false;
    const app = document.getElementById("app");
    app.href = `callcoaching://reset/${encodeURIComponent(token)}?server=${encodeURIComponent(location.origin)}`;
    app.hidden = false;
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const save = document.getElementById("save");
  save.disabled = true;
  void attempt(async () => {
    if (page === "reset") {
      await ask("reset_password", { token, password: document.getElementById("password").value });
      document.getElementById("app").hidden = true;
      done("Your password has changed. Sign in with it in the Call Coaching app.");
    } else {
      await ask("confirm_email", { token });
      done("Your email address has changed. Sign in with it the next time.");
    }
  }).then(() => {
    save.disabled = false;
  });
});
