//! Fixtures for the snapshots of the commands.

mod api_names;

use openindex_adapters_http::wire::{
    Kind, Me, MeRun, MeToken, MeUser, Open, Pat, Status, WireScope,
};

use crate::render::Style;

/// A terminal of 80 columns without color, on 2026-11-24 at 06:00.
pub(crate) const STYLE: Style = Style {
    width: 80,
    color: false,
    now: openindex_domain::testing::fixtures::NOW,
};

/// A terminal that is wide enough for tables.
pub(super) const WIDE: Style = Style {
    width: 140,
    ..STYLE
};

pub(super) fn me() -> Me {
    Me {
        user: MeUser {
            id: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned(),
            email: Some("ada@example.com".to_owned()),
            name: Some("Ada Lovelace".to_owned()),
            role: Open::Known(openindex_adapters_http::wire::Role::Member),
        },
        token: MeToken {
            id: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned(),
            kind: Open::Known(Kind::Personal),
            name: "laptop".to_owned(),
            scope: Open::Known(WireScope::Admin),
            effective_scope: Open::Known(WireScope::ReadWrite),
            expires_at: Some("2027-01-01T00:00:00.000Z".to_owned()),
            run: None,
        },
    }
}

/// The same user's agent, in a run that is bound to a work item.
pub(super) fn me_in_a_run() -> Me {
    let mut me = me();
    me.token = MeToken {
        id: "run_0199f3a1c6d07c35b2f0e8a4d1c7b9e3".to_owned(),
        kind: Open::Known(Kind::AgentRun),
        name: "builder-7".to_owned(),
        scope: Open::Known(WireScope::ReadWrite),
        effective_scope: Open::Known(WireScope::ReadWrite),
        expires_at: Some("2026-11-24T06:42:00.000Z".to_owned()),
        run: Some(MeRun {
            agent_id: "builder-7".to_owned(),
            work_item_key: Some("OPS-42".to_owned()),
        }),
    };
    me
}

/// A live, a replaced and an expired token, and one with a long name; one name is hostile.
pub(super) fn pats() -> Vec<Pat> {
    let pat = |digit: char, name: &str, expires_at: Option<&str>, last_used_at: Option<&str>| Pat {
        id: format!("pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e{digit}"),
        name: name.to_owned(),
        scope: Open::Known(WireScope::ReadWrite),
        created_at: "2026-11-01T00:00:00.000Z".to_owned(),
        expires_at: expires_at.map(str::to_owned),
        last_used_at: last_used_at.map(str::to_owned),
        status: Open::Known(Status::Live),
        replaced_by: None,
        last_four: None,
        created_from: None,
        last_used_from: None,
        revoked_at: None,
        revoked_by: None,
    };
    let mut pats = vec![
        pat('1', "laptop", None, Some("2026-11-24T05:58:00.000Z")),
        pat('2', "deploy bot", Some("2027-01-01T00:00:00.000Z"), None),
        pat(
            '3',
            "old\u{1b}[2J\u{202e}gnp.exe",
            Some("2026-11-20T00:00:00.000Z"),
            Some("2026-08-01T00:00:00.000Z"),
        ),
        pat(
            '4',
            &"長い名前".repeat(20),
            Some("2026-12-01T12:00:00.000Z"),
            None,
        ),
    ];
    pats[0].scope = Open::Known(WireScope::Admin);
    pats[1].replaced_by = Some(pats[0].id.clone());
    pats[2].status = Open::Known(Status::Expired);
    pats
}
