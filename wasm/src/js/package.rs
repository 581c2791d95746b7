//! The functions of the package that the module calls: those of `driver.js`, and the handlers of events.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Services that must be done before the call returns.
    pub type Driver;

    #[wasm_bindgen(method)]
    pub(super) fn now(this: &Driver) -> f64;
    #[wasm_bindgen(method)]
    pub(super) fn connect(this: &Driver, tunnel: u32);
    #[wasm_bindgen(method)]
    pub(super) fn link(this: &Driver, tunnel: u32, offer: Option<&str>);
    #[wasm_bindgen(method, js_name = acceptLink)]
    pub(super) fn accept_link(this: &Driver, tunnel: u32, answer: &str);
    #[wasm_bindgen(method)]
    pub(super) fn disconnect(this: &Driver, tunnel: u32);
    #[wasm_bindgen(method)]
    pub(super) fn send(this: &Driver, tunnel: u32, message: &[u8]) -> bool;
    #[wasm_bindgen(method)]
    pub(super) fn receive(this: &Driver, transfer: f64, bytes: &[u8]);
    /// Creates an error of the package.
    #[wasm_bindgen(method)]
    pub(super) fn error(this: &Driver, code: &str, message: &str) -> JsValue;
    #[wasm_bindgen(method)]
    pub(super) fn delivery(
        this: &Driver,
        stored: f64,
        handed_over: f64,
        bytes: f64,
        already_present: f64,
        declined: f64,
        failed: f64,
        missing: f64,
    ) -> Delivery;

    /// An outcome of files, with the missing ones by name.
    pub type Delivery;

    #[wasm_bindgen(method, js_name = addMissing)]
    pub(super) fn add_missing(this: &Delivery, name: &str, reason: &str, code: &str);

    /// The events, each handled once the call into this module has returned. Sizes are in bytes, times in
    /// milliseconds, and modification times in seconds; an empty nick or key stands for none.
    pub type Events;

    #[wasm_bindgen(method)]
    pub(super) fn read(this: &Events, transfer: f64, length: f64);
    #[wasm_bindgen(method, js_name = readFile)]
    pub(super) fn read_file(this: &Events, transfer: f64, name: &str, length: f64);
    #[wasm_bindgen(method, js_name = readPrefix)]
    pub(super) fn read_prefix(this: &Events, transfer: f64, session: f64, name: &str, length: f64);
    #[wasm_bindgen(method, js_name = readPartial)]
    pub(super) fn read_partial(this: &Events, transfer: f64);
    #[wasm_bindgen(method, js_name = fileComplete)]
    pub(super) fn file_complete(this: &Events, transfer: f64, verified: bool);
    #[wasm_bindgen(method)]
    pub(super) fn pin(this: &Events, nick: &str, key: &str);
    /// `state` is `pending`, `settled` or `interrupted`.
    #[wasm_bindgen(method, js_name = offerChanged)]
    pub(super) fn offer_changed(
        this: &Events,
        offer: f64,
        state: &str,
        last: bool,
        outcome: &Delivery,
    );
    #[wasm_bindgen(method, js_name = codeServed)]
    pub(super) fn code_served(this: &Events, complete: bool, outcome: &Delivery);
    #[wasm_bindgen(method, js_name = codeFailed)]
    pub(super) fn code_failed(this: &Events, error: &JsValue);

    #[wasm_bindgen(method)]
    pub(super) fn online(this: &Events, nick: &str);
    #[wasm_bindgen(method)]
    pub(super) fn offline(this: &Events, error: &JsValue, retry_in: Option<f64>);
    #[wasm_bindgen(method)]
    pub(super) fn nick(this: &Events, nick: &str);
    #[wasm_bindgen(method, js_name = nicksEnd)]
    pub(super) fn nicks_end(this: &Events);
    #[wasm_bindgen(method, js_name = linkChanged)]
    pub(super) fn link_changed(this: &Events, session: f64, is_used: bool);
    #[wasm_bindgen(method)]
    pub(super) fn call(this: &Events, session: f64, address: &str, nick: &str);
    #[wasm_bindgen(method, js_name = callRefused)]
    pub(super) fn call_refused(this: &Events, address: &str, error: &JsValue);
    /// `state` is a value of `known` in `index.d.ts` if there is a key, otherwise one of `whyPlain`; an empty
    /// device stands for none.
    #[wasm_bindgen(method)]
    pub(super) fn opened(
        this: &Events,
        session: f64,
        address: &str,
        nick: &str,
        incoming: bool,
        key: &str,
        state: &str,
        device: &str,
    );
    #[wasm_bindgen(method, js_name = safetyWords)]
    pub(super) fn safety_words(this: &Events, session: f64, words: &str);
    /// `error` is undefined for a session that ended in order.
    #[wasm_bindgen(method)]
    pub(super) fn ended(this: &Events, session: f64, error: &JsValue);
    /// `spelling` is an approximate size as the peer wrote it, and empty for an exact one.
    #[wasm_bindgen(method)]
    pub(super) fn entry(
        this: &Events,
        session: f64,
        name: &str,
        size: f64,
        spelling: &str,
        modified: Option<f64>,
        executable: bool,
        text: bool,
        folder: bool,
    );
    /// Arguments as for `entry`.
    #[wasm_bindgen(method)]
    pub(super) fn offered(
        this: &Events,
        session: f64,
        name: &str,
        size: f64,
        spelling: &str,
        modified: Option<f64>,
        executable: bool,
        text: bool,
        folder: bool,
    );
    #[wasm_bindgen(method, js_name = listEnd)]
    pub(super) fn list_end(this: &Events, session: f64);
    #[wasm_bindgen(method, js_name = offerEnd)]
    pub(super) fn offer_end(this: &Events, session: f64);
    #[wasm_bindgen(method, js_name = notOffered)]
    pub(super) fn not_offered(this: &Events, session: f64, error: &JsValue);
    #[wasm_bindgen(method)]
    pub(super) fn checked(this: &Events, session: f64, name: &str, yes: bool);
    #[wasm_bindgen(method, js_name = downloadStarted)]
    pub(super) fn download_started(this: &Events, transfer: f64, from: f64);
    /// `more` other files go with it as a batch.
    #[wasm_bindgen(method, js_name = uploadStarted)]
    pub(super) fn upload_started(
        this: &Events,
        transfer: f64,
        session: f64,
        name: &str,
        size: f64,
        from: f64,
        more: f64,
    );
    #[wasm_bindgen(method)]
    pub(super) fn progress(this: &Events, transfer: f64, bytes: f64);
    /// `error` is undefined for a transfer that succeeded.
    #[wasm_bindgen(method)]
    pub(super) fn finished(this: &Events, transfer: f64, error: &JsValue);
    #[wasm_bindgen(method)]
    pub(super) fn notice(this: &Events, text: &str);
}
