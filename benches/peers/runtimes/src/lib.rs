//! How peers that are made of tasks run: all on the calling thread, or on several.
use std::future::Future;

use sendrec_measure::Fallible;
use tokio::runtime::Builder;

/// All tasks on this thread.
pub fn on_one_thread<R>(future: impl Future<Output = Fallible<R>>) -> Fallible<R> {
    Builder::new_current_thread().enable_all().build()?.block_on(future)
}

/// This one on this thread, and those it starts on as many as there are cores.
pub fn on_threads<R>(future: impl Future<Output = Fallible<R>>) -> Fallible<R> {
    Builder::new_multi_thread().enable_all().build()?.block_on(future)
}
