//! A server under a prefix, behind a real proxy that removes the prefix.

use openindex_tests::{Client, Database, Kind, Nginx, Response, Server, free_port};
use serde_json::json;

struct Proxied {
    database: Database,
    server: Server,
    /// A client for the proxy's root, which a `Location` is resolved against.
    origin: Client,
    _nginx: Nginx,
}

impl Proxied {
    /// `more` are directives of the proxy's location.
    fn start(more: &str) -> Self {
        let database = Database::new(Kind::Sqlite);
        let port = free_port();
        let origin = format!("http://127.0.0.1:{port}");
        let server = Server::start_with(&database, &["--public-url", &format!("{origin}/oi/")]);
        let location = format!(
            "location /oi/ {{ proxy_pass http://{}/; {more} }}",
            server.address
        );
        Self {
            _nginx: Nginx::start(port, &location),
            origin: Client::new(&origin),
            server,
            database,
        }
    }

    /// Follows a redirect.
    #[track_caller]
    fn follow(&self, response: &Response, headers: &[(&str, &str)]) -> Response {
        let to = response.header("location");
        assert!(to.starts_with("/oi/"), "{response:?}");
        self.origin.send("GET", to, headers, None)
    }
}

/// Returns the paths that a page links to.
fn links(page: &str) -> Vec<&str> {
    [" href=\"", " src=\"", " action=\""]
        .iter()
        .flat_map(|attribute| page.split(*attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| !link.starts_with('#'))
        .collect()
}

#[test]
fn a_location_points_at_the_created_resource_and_the_description_names_the_prefix() {
    for more in [
        "",
        "proxy_set_header Host $http_host; proxy_http_version 1.1;",
    ] {
        let proxied = Proxied::start(more);
        let admin = Server::bootstrap(&proxied.database).token;
        let http = &proxied.server.http;
        let bearer = format!("Bearer {admin}");
        let pat = json!({"name": "ci", "scope": "read_write"});
        let run = json!({"agentId": "a", "ttlSeconds": 600});
        let item = json!({"domain": "OPS", "title": "Fix the pump"});
        for (path, body) in [("/me/pats", pat), ("/agent-runs", run), ("/browse", item)] {
            let made = http.post(path, &admin, &body);
            assert_eq!(made.status, 201, "{made:?}");
            let found = proxied.follow(&made, &[("authorization", &bearer)]);
            assert_eq!(found.status, 200, "{made:?} {found:?}");
        }
        let url = &proxied.server.url;
        assert!(url.ends_with("/oi"), "{url}");
        let description = http.get("/openapi.json", "").json();
        assert_eq!(description["servers"], json!([{ "url": url }]));
        let discovery = http.get("/.well-known/openindex.json", "").json();
        assert_eq!(discovery["apiUrl"], *url);
    }
}

#[test]
fn the_pages_stay_under_the_prefix_from_the_sign_in_to_a_new_token() {
    let proxied = Proxied::start("");
    let _ = Server::bootstrap(&proxied.database);
    let http = &proxied.server.http;
    let page = http.send("GET", "/settings/tokens", &[], None);
    assert_eq!(page.status, 303);
    let sign_in = proxied.follow(&page, &[]);
    assert_eq!(sign_in.status, 200, "{sign_in:?}");
    let email = "ada@example.com";
    let cookie = proxied.server.sign_in_by_link(&proxied.database, email);
    let signed_in = ("cookie", &*cookie);
    // A browser without Sec-Fetch-Site, through a proxy that does not pass on the requested host.
    let url = &proxied.server.url;
    let origin = url.strip_suffix("/oi").expect("the prefix");
    let form_type = ("content-type", "application/x-www-form-urlencoded");
    let headers = [signed_in, form_type, ("origin", origin)];
    let page = http.send("GET", "/settings/tokens/new", &[signed_in], None);
    let form = format!(
        "name=laptop&scope=read_write&expiry=never&form={}",
        page.form()
    );
    let created = http.send("POST", "/settings/tokens/new", &headers, Some(&form));
    assert!(created.text.contains("oi_pat_"), "{created:?}");
    for path in [
        "/settings/tokens",
        "/settings/tokens/new",
        "/settings/account",
        "/settings/admin/users",
        "/settings/admin/tokens",
        "/settings/admin/audit",
        "/docs",
    ] {
        let page = http.send("GET", path, &[signed_in], None);
        assert_eq!(page.status, 200, "{path}");
        let links = links(&page.text);
        assert!(links.len() > 5, "{path}: {links:?}");
        for link in links {
            assert!(link.starts_with("/oi/"), "{path}: {link}");
            let to = proxied.origin.send("GET", link, &[signed_in], None);
            // A path that only a form is sent to.
            assert!(
                matches!(to.status, 200 | 303 | 405),
                "{path}: {link} {to:?}"
            );
        }
    }
    let out = http.send("POST", "/sign-out", &headers, Some(""));
    assert_eq!(proxied.follow(&out, &[]).status, 200, "{out:?}");
}
