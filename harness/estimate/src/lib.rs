//! How long users are going to wait: the history of measured migrations, a model of their steps, and estimates that say how
//! sure they are. No I/O: lines of text come in, values go out.

pub mod carry;
mod estimate;
mod fit;
mod history;
mod interval;
mod machine;
mod model;
pub mod order;
pub mod regress;
pub mod upstream;
mod volumes;
mod way;

pub use estimate::{Backtest, Budget, CurvePoint, Estimate, Estimates, Meets, Question, Share, estimate};
pub use history::{History, HistoryError, MeasuredRun, StepTime};
pub use interval::{Interval, needed_runs};
pub use machine::Machine;
pub use model::{Model, Prediction};
pub use volumes::{Asked, Assumed, Measure, Volumes, parse_bytes, parse_count, slopes};
pub use way::Way;
