use std::collections::HashSet;
use std::ops::Deref;

use super::{Token, TokenId};

/// Tokens that a change may end, which it dereferences to, as far as ending takes: a damaged row is
/// among them with what can be read of it. A store deletes the rows of damaged tokens that end; a
/// tombstone would be damaged, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endings {
    tokens: Vec<Token>,
    damaged: HashSet<TokenId>,
}

impl Endings {
    /// Whether the row of this token is damaged.
    #[must_use]
    pub fn is_damaged(&self, id: TokenId) -> bool {
        self.damaged.contains(&id)
    }
}

impl Deref for Endings {
    type Target = Vec<Token>;

    fn deref(&self) -> &Vec<Token> {
        &self.tokens
    }
}

impl FromIterator<(Token, bool)> for Endings {
    /// Each token with whether its row is damaged.
    fn from_iter<I: IntoIterator<Item = (Token, bool)>>(read: I) -> Self {
        let mut endings = Self::default();
        for (token, is_damaged) in read {
            endings.damaged.extend(is_damaged.then_some(token.id));
            endings.tokens.push(token);
        }
        endings
    }
}
