use openindex_domain::access::{ActorError, Denial, Requirement};
use openindex_domain::agent_run::{AgentRunError, NewRun, RunFilter, RunTtl};
use openindex_domain::audit::RequestContext;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{
    Expiry, NewToken, Overlap, Rejection, RotationOptions, Scope, Secret, Status, TokenError,
    TokenName, VerifyError,
};
use openindex_domain::user::{Role, UserChange};
use openindex_domain::work_item::{Versions, WorkItemAction, WorkItemChange};

use crate::world::{World, agent, context};

async fn rejection(world: &World, secret: &Secret) -> Option<Rejection> {
    match world.all.tokens.verify(secret.expose()).await {
        Ok(_) => None,
        Err(VerifyError::Rejected(rejection)) => Some(rejection),
        Err(VerifyError::Store(error)) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_run_can_only_work_on_items_whatever_its_owner_may_do() {
    let world = World::new().await;
    let run = world.run("builder", None).await;
    assert_eq!(run.effective_scope(), Scope::ReadWrite);
    assert_eq!(run.user_id(), world.person.user_id());
    assert_eq!(run.run().map(|run| run.agent.as_str()), Some("builder"));
    assert_eq!(run.authorize(Requirement::ANY_TOKEN), Ok(()));
    for requirement in [Requirement::HUMAN, Requirement::HUMAN_ADMIN] {
        assert_eq!(run.authorize(requirement), Err(Denial::HumanTokenRequired));
    }
    let request = NewToken::new(
        TokenName::parse("more").expect("a name"),
        Scope::ReadWrite,
        Expiry::Never,
    );
    let issued = world.all.tokens.create(&run, request, context()).await;
    assert!(matches!(
        issued,
        Err(TokenError::NotAuthorized(ActorError::Denied(
            Denial::HumanTokenRequired
        )))
    ));
    let id = run.token().expect("a token").id;
    let other = world.run("builder", None).await;
    let other = other.token().expect("a token").id;
    let runs = &world.all.agent_runs;
    let rejected = [
        world.start(&run, "another", None).await.err(),
        runs.list(&run, &RunFilter::ANY, None, 10).await.err(),
        runs.get(&run, id).await.err(),
        runs.end(&run, other, context()).await.err(),
        runs.end_all(&run, vec![id, other], context()).await.err(),
    ];
    for error in rejected {
        assert!(
            matches!(
                error,
                Some(AgentRunError::NotAuthorized(ActorError::Denied(
                    Denial::HumanTokenRequired
                )))
            ),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_run_can_end_itself_once() {
    let world = World::new().await;
    let run = world.run("builder", None).await;
    let id = run.token().expect("a token").id;
    let runs = &world.all.agent_runs;
    assert!(runs.end(&run, id, context()).await.is_ok());
    let again = runs.end(&run, id, context()).await;
    assert!(
        matches!(
            again,
            Err(AgentRunError::NotAuthorized(ActorError::Rejected(_)))
        ),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_run_ends_when_it_is_ended_or_expires() {
    let world = World::new().await;
    let ended = world.start(&world.person, "a", None).await.expect("a run");
    // Ids sort by their time.
    world.all.clock.advance_millis(1);
    let left = world.start(&world.person, "b", None).await.expect("a run");
    let runs = &world.all.agent_runs;
    let done = runs.end(&world.person, ended.token.id, context()).await;
    done.expect("ended");
    let now = runs.now();
    assert_eq!(
        rejection(&world, &ended.secret).await,
        Some(Rejection::Revoked { at: now })
    );
    assert_eq!(rejection(&world, &left.secret).await, None);
    let again = runs.end(&world.person, ended.token.id, context()).await;
    assert!(matches!(again, Err(AgentRunError::NotFound)));
    let live = runs
        .list(&world.person, &RunFilter::LIVE, None, 10)
        .await
        .expect("runs");
    assert_eq!(live.runs, vec![left.token.clone()]);
    let all = runs
        .list(&world.person, &RunFilter::ANY, None, 1)
        .await
        .expect("runs");
    assert_eq!(all.runs, vec![left.token.clone()]);
    let next = runs
        .list(&world.person, &RunFilter::ANY, all.next, 1)
        .await
        .expect("runs");
    assert_eq!(next.runs[0].status(now), Status::Revoked);
    assert_eq!(next.next, None);
    world.all.clock.advance_seconds(3_600);
    let end = left.token.expires_at.expect("an end");
    assert_eq!(
        rejection(&world, &left.secret).await,
        Some(Rejection::Expired { at: end })
    );
}

#[tokio::test]
async fn a_run_never_outlives_the_token_that_started_it() {
    let world = World::new().await;
    let issuer = world.pat("short", Expiry::parse("").expect("never")).await;
    let principal = world.verify(&issuer).await;
    let run = world.start(&principal, "a", None).await.expect("a run");
    // An overlap of ten seconds, after which both have ended.
    let request = RotationOptions {
        expires: None,
        overlap: Overlap::from_seconds(10).expect("ten seconds"),
    };
    let tokens = &world.all.tokens;
    let rotated = tokens.rotate(&world.person, issuer.token.id, request, context());
    let successor = rotated.await.expect("rotated");
    assert_eq!(rejection(&world, &run.secret).await, None);
    // Started within the overlap, it ends with it too.
    let late = world.start(&principal, "b", None).await.expect("a run");
    world.all.clock.advance_seconds(10);
    let end = tokens.now();
    for secret in [&run.secret, &late.secret, &issuer.secret] {
        assert_eq!(
            rejection(&world, secret).await,
            Some(Rejection::Expired { at: end })
        );
    }
    let principal = world.verify(&successor).await;
    let run = world.start(&principal, "c", None).await.expect("a run");
    let revoked = tokens.revoke(&world.person, successor.token.id, context());
    revoked.await.expect("revoked");
    assert_eq!(
        rejection(&world, &run.secret).await,
        Some(Rejection::Revoked { at: end })
    );
}

#[tokio::test]
async fn a_suspension_ends_runs_permanently() {
    let world = World::new().await;
    // Another administrator suspends the user.
    let grace = fixtures::user(2).id;
    world.all.store.put_user(fixtures::user(2));
    let token = world.all.live_token(grace, Role::Admin);
    let admin = world.verify(&token).await;
    let run = world.start(&world.person, "a", None).await.expect("a run");
    let users = &world.all.users;
    for change in [UserChange::Suspend, UserChange::Unsuspend] {
        let changed = users.change(&admin, world.person.user_id(), change, context());
        changed.await.expect("changed");
    }
    let at = world.all.tokens.now();
    assert_eq!(
        rejection(&world, &run.secret).await,
        Some(Rejection::Revoked { at })
    );
}

#[tokio::test]
async fn a_run_is_bound_only_to_an_open_work_item() {
    let world = World::new().await;
    let item = world.task("Fix it").await;
    let bound = world.start(&world.person, "a", Some(item.key)).await;
    assert!(bound.is_ok());
    let nowhere = "OPS-99".parse().ok();
    let missing = world.start(&world.person, "a", nowhere).await;
    assert!(matches!(missing, Err(AgentRunError::WorkItemNotFound(key)) if Some(key) == nowhere));
}

#[tokio::test]
async fn a_token_can_start_runs_only_for_itself() {
    let world = World::new().await;
    let other = world.pat("other", Expiry::Never).await;
    for named in [other.token.id, world.person.token().expect("a token").id] {
        let request = NewRun {
            agent: agent("builder"),
            work_item: None,
            ttl: RunTtl::from_seconds(60).expect("a minute"),
            issuer: Some(named),
        };
        let runs = &world.all.agent_runs;
        let started = runs.start(&world.person, request, context()).await;
        assert!(matches!(started, Err(AgentRunError::TokenRequired)));
    }
}

#[tokio::test]
async fn runs_are_counted_for_the_caller_and_for_administrators() {
    let world = World::new().await;
    world.run("one", None).await;
    let ada = world.person.user_id();
    let issuer = world.person.token().map(|token| token.id);
    let other = world.pat("other", Expiry::Never).await;
    let runs = &world.all.agent_runs;
    for (issuer, count) in [(None, 1), (issuer, 1), (Some(other.token.id), 0)] {
        let counted = runs.count_live(&world.person, ada, issuer).await;
        assert_eq!(counted.expect("a count"), count);
    }
    let foreign = fixtures::user(7).id;
    let counted = runs.count_live(&world.person, foreign, None).await;
    assert_eq!(counted.expect("an administrator may"), 0);
    let plain = world.verify(&other).await;
    let rejected = runs.count_live(&plain, foreign, None).await;
    assert!(matches!(rejected, Err(AgentRunError::NotAuthorized(_))));
    let run = world.run("two", None).await;
    let rejected = runs.count_live(&run, ada, None).await;
    assert!(matches!(rejected, Err(AgentRunError::NotAuthorized(_))));
}

#[tokio::test]
async fn a_history_shows_who_did_what_without_request_details() {
    let world = World::new().await;
    let item = world.task("Fix it").await;
    let agent = world.run("builder", None).await;
    let change = WorkItemChange::Claim;
    let work = &world.all.work_items;
    let from = RequestContext {
        client_address: "192.0.2.1".parse().ok(),
        ..context().clone()
    };
    world.all.clock.advance_seconds(1);
    let claimed = work.change(&agent, None, item.key, Versions::ANY, change, &from);
    claimed.await.expect("claimed");
    let audit = &world.all.audit;
    let history = audit
        .history(&agent, item.key, 10)
        .await
        .expect("a history");
    let told: Vec<_> = history.iter().map(|event| event.action).collect();
    assert_eq!(told, [WorkItemAction::CLAIMED, WorkItemAction::CREATED]);
    assert!(
        history
            .iter()
            .all(|event| event.context == RequestContext::default())
    );
    let ended = audit.end_events(&agent, &[]).await;
    assert!(ended.is_err(), "a run reads no reasons");
}
