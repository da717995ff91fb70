-- What belongs to a call is found when the call is forgotten.
CREATE INDEX legs_call ON legs (call);
CREATE INDEX keys_call ON keys (call);
