//! Runs the web interface on the in-memory store with sample data:
//! `cargo run -p openindex-adapters-http --example web_demo [PORT]` (default 8099).
//!
//! The clock is fixed and the secrets come from a seed: this is a demo, not a server. It listens on
//! the loopback interface only, where the cookie requires no https.

#![expect(
    clippy::print_stdout,
    reason = "it prints the address and how to sign in"
)]

use std::error::Error;
use std::sync::Arc;

use openindex_adapters_http::server::{ApiSettings, ApiState, LayerSettings};
use openindex_adapters_http::web;
use openindex_domain::access::Principal;
use openindex_domain::audit::RequestContext;
use openindex_domain::invite::Claim;
use openindex_domain::session::{ClientName, SignInLinkUser};
use openindex_domain::testing::{InMemory, fixtures};
use openindex_domain::token::{
    Expiry, NewToken, Overlap, RotationOptions, Scope, TokenName, TokenWithSecret,
};
use openindex_domain::user::{Email, Password, PersonName, Role, UserChange};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PASSWORD: &str = "kettle walrus teapot";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
const DAY: i64 = 24 * 60 * 60;

fn context() -> RequestContext {
    RequestContext {
        request_id: None,
        client_address: "192.0.2.17".parse().ok(),
        form: None,
    }
}

/// Claims an invite and signs in.
async fn join(demo: &InMemory, code: &str, email: &str, name: &str) -> Outcome<Principal> {
    let claim = Claim {
        email: Some(Email::parse(email)?),
        name: PersonName::parse(name)?,
        password: Some(Password::parse(PASSWORD)?),
        token: None,
        session: Some(ClientName::sanitize(FIREFOX)),
    };
    let claimed = demo.invites.claim(code, claim, &context()).await?;
    let signed_in = claimed.signed_in.ok_or("not signed in")?;
    let principal = demo.sessions.verify(signed_in.secret.expose()).await?;
    principal.ok_or_else(|| "not a session".into())
}

async fn invite(demo: &InMemory, by: &Principal, email: &str, role: Role) -> Outcome<String> {
    let email = Email::parse(email)?;
    let new = demo.invites.create(by, email, role, &context()).await?;
    Ok(new.secret.expose().to_owned())
}

async fn create(
    demo: &InMemory,
    by: &Principal,
    name: &str,
    scope: Scope,
    days: Option<i64>,
) -> Outcome<TokenWithSecret> {
    let now = demo.tokens.now();
    let wanted = NewToken::new(
        TokenName::parse(name)?,
        scope,
        Expiry::from(days.map(|days| now.saturating_add_seconds(days * DAY))),
    );
    Ok(demo.tokens.create(by, wanted, &context()).await?)
}

/// The longest and the nastiest that names may be.
fn hostile() -> [String; 3] {
    [
        "<script>alert(1)</script><b>bold</b> & \"quoted\" 'name'".to_owned(),
        "right-to-left שלום and back".to_owned(),
        "界".repeat(100),
    ]
}

async fn fill(demo: &InMemory) -> Outcome<(String, String)> {
    let long_ago = fixtures::NOW.saturating_add_seconds(-200 * DAY);
    demo.clock.set(long_ago);
    let code = demo.invites.first_admin().await?.secret;
    let ada = join(demo, code.expose(), "ada@example.com", "Ada Lovelace").await?;
    let mut people = Vec::new();
    for (email, name) in [
        ("grace@example.com", "Grace Hopper"),
        ("alan@example.com", "Alan Turing"),
    ] {
        let code = invite(demo, &ada, email, Role::Member).await?;
        people.push(join(demo, &code, email, name).await?);
    }
    let [markup, reordering, wide] = hostile();
    let code = invite(demo, &ada, "wide@example.com", Role::Member).await?;
    join(demo, &code, "wide@example.com", &wide).await?;
    create(demo, &people[0], "nightly import", Scope::ReadWrite, None).await?;
    create(demo, &people[1], "laptop", Scope::ReadWrite, Some(30)).await?;
    let leaked = create(demo, &ada, "old deploy script", Scope::ReadWrite, None).await?;
    create(demo, &ada, "spring workshop", Scope::ReadWrite, Some(90)).await?;
    demo.clock.advance_seconds(120 * DAY);
    let ada = sign_in(demo, "ada@example.com", SAFARI).await?;
    let rotated = create(demo, &ada, "release pipeline", Scope::Admin, Some(365)).await?;
    let used = create(demo, &ada, "triage agent", Scope::ReadWrite, Some(84)).await?;
    demo.clock
        .set(fixtures::NOW.saturating_add_seconds(-2 * DAY));
    demo.tokens.verify(used.secret.expose()).await?;
    demo.tokens.flush_last_used().await?;
    let other = sign_in(demo, "wide@example.com", FIREFOX).await?;
    for name in [&markup, &reordering, &wide] {
        create(demo, &other, name, Scope::ReadWrite, None).await?;
    }
    let overlapping = RotationOptions {
        overlap: Overlap::from_seconds(86_400)?,
        ..RotationOptions::default()
    };
    demo.clock
        .set(fixtures::NOW.saturating_add_seconds(-3 * 60 * 60));
    let ada = sign_in(demo, "ada@example.com", SAFARI).await?;
    demo.tokens
        .rotate(&ada, rotated.token.id, overlapping, &context())
        .await?;
    let secrets = [leaked.secret.expose()];
    demo.admin_tokens
        .report_leaked(&secrets, &context())
        .await?;
    let alan = people[1].user_id();
    demo.users
        .change(&ada, alan, UserChange::Suspend, &context())
        .await?;
    invite(demo, &ada, "barbara@example.com", Role::Admin).await?;
    let open = invite(demo, &ada, "edsger@example.com", Role::Member).await?;
    demo.clock.set(fixtures::NOW);
    let ada = sign_in(demo, "ada@example.com", FIREFOX).await?;
    let grace = SignInLinkUser::ByAdmin(&ada, people[0].user_id());
    let link = demo.sessions.create_sign_in_link(grace, &context()).await?;
    Ok((open, link.secret.expose().to_owned()))
}

async fn sign_in(demo: &InMemory, email: &str, client: &str) -> Outcome<Principal> {
    let (email, password) = (Email::parse(email)?, Password::parse(PASSWORD)?);
    let client = ClientName::sanitize(client);
    let signed_in = demo
        .sessions
        .sign_in(&email, &password, client, &context())
        .await?;
    let principal = demo.sessions.verify(signed_in.secret.expose()).await?;
    principal.ok_or_else(|| "not a session".into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let port: u16 = match std::env::args().nth(1) {
        Some(port) => port.parse()?,
        None => 8099,
    };
    let demo = InMemory::default();
    let (invite, link) = fill(&demo).await?;
    let public_url = format!("http://127.0.0.1:{port}");
    println!("{public_url}/sign-in as ada@example.com (or grace@, wide@): {PASSWORD}");
    println!("{public_url}/join/{invite}");
    println!("{public_url}/sign-in/link/{link}");
    let app = web::router(ApiState {
        use_cases: demo.use_cases,
        health: demo.store,
        entropy: demo.entropy,
        metrics: Arc::default(),
        settings: Arc::new(ApiSettings {
            public_url,
            version: env!("CARGO_PKG_VERSION"),
            layers: LayerSettings::default(),
        }),
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, app).await?)
}
