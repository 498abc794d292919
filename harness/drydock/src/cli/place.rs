//! Where stores run, as the command line names it: three words, or a context of the kubeconfig.

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};
use drydock_core::scenario::EnvironmentName;
use std::ffi::OsStr;

/// Reads the name of an environment.
#[derive(Debug, Clone)]
pub(crate) struct Places;

const MEANINGS: [&str; 4] = [
    "As processes of this machine",
    "As containers of this machine's engine",
    "As pods of a cluster that kind makes for the run",
    "As pods of the existing cluster of a context of the kubeconfig, in namespaces of the run's own",
];

impl TypedValueParser for Places {
    type Value = EnvironmentName;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Self::Value, Error> {
        let text = StringValueParser::new().parse_ref(command, arg, value)?;
        text.parse().map_err(|_| {
            let mut error = Error::new(ErrorKind::InvalidValue).with_cmd(command);
            if let Some(arg) = arg {
                error.insert(ContextKind::InvalidArg, ContextValue::String(arg.to_string()));
            }
            error.insert(ContextKind::InvalidValue, ContextValue::String(text));
            let known = EnvironmentName::WRITTEN.map(ToOwned::to_owned).to_vec();
            error.insert(ContextKind::ValidValue, ContextValue::Strings(known));
            error
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let known = EnvironmentName::WRITTEN.into_iter().zip(MEANINGS);
        Some(Box::new(known.map(|(name, help)| PossibleValue::new(name).help(help))))
    }
}
