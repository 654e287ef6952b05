//! Arguments that can be positional, or a flag named like the API's field.
//!
//! `create ci` and `create --name ci` are equivalent. One of them is required; both are an error.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, Error, FromArgMatches};

/// The names of flags, each with its placeholder and its help.
pub(crate) type Flags = &'static [(&'static str, &'static str, &'static str)];

/// An argument with one or more field names in the API.
pub(crate) trait Field: 'static {
    /// The parsed type.
    type Value: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Clone
        + Send
        + Sync
        + 'static;
    /// The placeholder of the positional argument, such as `ID|EMAIL`.
    const POSITIONAL: &'static str;
    /// The API's field names in kebab case.
    const FLAGS: Flags;
    /// The help of the positional argument; by default that of the only flag, whose help then
    /// refers to the argument.
    const HELP: &'static str = Self::FLAGS[0].2;

    /// Returns the parser of the positional argument (`None`) or of one of the flags.
    fn parser(_flag: Option<&'static str>) -> ValueParser {
        ValueParser::new(|text: &str| text.parse::<Self::Value>())
    }

    /// Customizes each of the arguments.
    fn customize(arg: Arg) -> Arg {
        arg
    }
}

/// Parses a closed set of values; help and completions list all of them.
pub(crate) fn one_of<T: Copy + Send + Sync + 'static>(
    all: impl IntoIterator<Item = T>,
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let all: Vec<T> = all.into_iter().collect();
    PossibleValuesParser::new(all.iter().copied().map(name)).try_map(move |text| {
        let mut all = all.iter().copied();
        all.find(|value| name(*value) == text).ok_or("is unknown")
    })
}

/// Exactly one value is required.
pub(crate) struct One<F: Field>(pub(crate) F::Value);

/// At least one value is required.
pub(crate) struct Several<F: Field>(pub(crate) Vec<F::Value>);

/// The value is optional.
pub(crate) struct Optional<F: Field>(pub(crate) Option<F::Value>);

/// Text with the flag that it was passed with; `None` for the positional argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) flag: Option<&'static str>,
    pub(crate) text: String,
}

impl FromStr for Given {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (flag, text) = (None, text.to_owned());
        Ok(Self { flag, text })
    }
}

impl Given {
    pub(crate) fn parser(flag: Option<&'static str>) -> ValueParser {
        ValueParser::new(move |text: &str| {
            let given = text.parse::<Self>();
            given.map(|given| Self { flag, ..given })
        })
    }
}

/// How many values a command accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    One,
    Several,
    Optional,
}

fn augment<F: Field>(command: Command, count: Count) -> Command {
    let action = match count {
        Count::Several => ArgAction::Append,
        Count::One | Count::Optional => ArgAction::Set,
    };
    let positional = Arg::new(F::POSITIONAL)
        .value_name(F::POSITIONAL)
        .help(F::HELP)
        .value_parser(F::parser(None));
    let positional = match count {
        Count::Several => positional.num_args(1..),
        Count::One | Count::Optional => positional,
    };
    let flags = F::FLAGS.iter().map(|(flag, value, help)| {
        let help = if *help == F::HELP {
            format!("Same as {}", F::POSITIONAL)
        } else {
            (*help).to_owned()
        };
        Arg::new(*flag)
            .long(*flag)
            .value_name(*value)
            .help(help)
            .value_parser(F::parser(Some(flag)))
    });
    let group = ArgGroup::new(std::any::type_name::<F>())
        .args(ids::<F>())
        .required(count != Count::Optional);
    std::iter::once(positional)
        .chain(flags)
        .fold(command, |command, arg| {
            command.arg(F::customize(arg.action(action.clone())))
        })
        .group(group)
}

fn ids<F: Field>() -> impl Iterator<Item = &'static str> {
    std::iter::once(F::POSITIONAL).chain(F::FLAGS.iter().map(|(flag, ..)| *flag))
}

fn remove_values<F: Field>(matches: &mut ArgMatches) -> Vec<F::Value> {
    ids::<F>()
        .filter_map(|id| matches.remove_many::<F::Value>(id))
        .flatten()
        .collect()
}

/// Implements the clap traits for the three wrappers, which differ only in the number of values.
macro_rules! arguments {
    ($name:ident, $count:expr, $of:expr) => {
        impl<F: Field> FromArgMatches for $name<F> {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
                Self::from_arg_matches_mut(&mut matches.clone())
            }

            fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
                let of: fn(Vec<F::Value>) -> Option<Self> = $of;
                // clap has validated the group already.
                of(remove_values::<F>(matches))
                    .ok_or_else(|| Error::new(clap::error::ErrorKind::MissingRequiredArgument))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }

        /// Hides the value, which may be a secret.
        impl<F: Field> std::fmt::Debug for $name<F> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(F::POSITIONAL)
            }
        }

        impl<F: Field> Args for $name<F> {
            fn augment_args(command: Command) -> Command {
                augment::<F>(command, $count)
            }

            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }
    };
}

arguments!(One, Count::One, |mut values| values.pop().map(Self));
arguments!(Several, Count::Several, |values| Some(Self(values)));
arguments!(Optional, Count::Optional, |mut values| Some(Self(
    values.pop()
)));
