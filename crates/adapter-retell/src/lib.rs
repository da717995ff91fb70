//! Retell AI for `call-core`: webhooks and functions become signals, effects become requests.
