//! Writes the part of `tests/fixtures/VERSION` that a service without accounts has;
//! `scripts/fixture` runs it.

#[path = "../tests/embedded/instance.rs"]
mod instance;

use instance::Instance;
use openindex_adapters_system::{SystemClock, SystemEntropy};
use openindex_domain::audit::RequestContext;
use openindex_domain::clock::Clock as _;
use openindex_domain::token::{RotationOptions, TokenWithSecret};
use openindex_domain::user::{Owner, Role, UserId};
use openindex_tests::fixture::{Fixture, Part, disguised};
use openindex_tests::{Database, Kind};
use serde_json::{Value, json};

fn main() {
    let version = std::env::args().nth(1).expect("a version");
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = Database::new(kind);
        let instance = Instance::open(&database);
        let document = instance.runtime.block_on(fill(&instance));
        instance.assert_works(&document);
        instance.close();
        Fixture::of(&version).save(Part::Tokens, &database, document);
    }
}

/// Adds owners and tokens, and returns what the test knows about them.
async fn fill(instance: &Instance) -> Value {
    let (tokens, context) = (&instance.tokens, RequestContext::default());
    let owner = add_owner(instance, Role::Admin).await;
    let principal = tokens.on_behalf_of(owner).await.expect("the owner");
    let live = instance.create(owner, "live").await;
    let revoked = instance.create(owner, "revoked").await;
    let revocation = tokens.revoke(&principal, revoked.token.id, &context);
    revocation.await.expect("revoked");
    let rotated = instance.create(owner, "rotated").await;
    let (id, options) = (rotated.token.id, RotationOptions::default());
    let successor = tokens.rotate(&principal, id, options, &context);
    let successor = successor.await.expect("rotated");
    let member = add_owner(instance, Role::Member).await;
    let suspended = instance.create(member, "suspended").await;
    let suspension = tokens.suspend_owner(member, &context);
    suspension.await.expect("suspended");
    let secret = |created: &TokenWithSecret| disguised(created.secret.expose());
    json!({
        "owner": owner.uuid().to_string(),
        "secrets": {
            "live": secret(&live),
            "successor": secret(&successor),
            "revoked": secret(&revoked),
            "rotated": secret(&rotated),
            "suspended": secret(&suspended),
        },
    })
}

async fn add_owner(instance: &Instance, role: Role) -> UserId {
    let id = UserId::generate(SystemClock.now(), &SystemEntropy).expect("an id");
    let owner = Owner::new(id, role);
    let context = RequestContext::default();
    let put = instance.tokens.put_owner(owner, &context);
    put.await.expect("an owner");
    id
}
