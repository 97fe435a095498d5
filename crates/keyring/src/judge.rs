//! All that can be said of one message: opened layer by layer, verified, put into one judgement.
