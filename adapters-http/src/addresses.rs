/// Default listen address of `oi-server`, reachable from this machine only, and the default server
/// of its clients.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// The page of the web interface where users create and delete their own tokens.
pub const TOKENS_PAGE: &str = "/settings/tokens";
