import { z } from "zod";
import { ACT, answer, endpoint, READ } from "./endpoint.js";
import { id, ids, notKept, pagination, paging } from "./fields.js";
import { acsEncoder, actionAttempt } from "./objects.js";

export const encodersGet = endpoint({
  path: "/acs/encoders/get",
  methods: READ,
  role: "viewer",
  input: z.object({ acs_encoder_id: id }),
  output: answer({ acs_encoder: acsEncoder }),
});

export const encodersList = endpoint({
  path: "/acs/encoders/list",
  methods: READ,
  role: "viewer",
  input: z.object({
    acs_system_id: id.optional(),
    acs_system_ids: ids.optional(),
    acs_encoder_ids: ids.optional(),
    ...paging(500),
  }),
  output: answer({ acs_encoders: z.array(acsEncoder), pagination }),
});

export const encodeCredential = endpoint({
  path: "/acs/encoders/encode_credential",
  methods: ACT,
  role: "technician",
  input: z.object({
    acs_encoder_id: id,
    acs_credential_id: id,
    access_method_id: notKept("access methods"),
  }),
  output: answer({ action_attempt: actionAttempt }),
});

export const scanCredential = endpoint({
  path: "/acs/encoders/scan_credential",
  methods: ACT,
  role: "technician",
  input: z.object({ acs_encoder_id: id, salto_ks_metadata: notKept("Salto KS systems") }),
  output: answer({ action_attempt: actionAttempt }),
});

/** Scans a card and hands the credential on it to the user. */
export const scanToAssign = endpoint({
  path: "/acs/encoders/scan_to_assign_credential",
  methods: ACT,
  role: "technician",
  input: z.object({
    acs_encoder_id: id,
    acs_user_id: id,
    user_identity_id: notKept("user identities"),
    salto_ks_metadata: notKept("Salto KS systems"),
  }),
  output: answer({ action_attempt: actionAttempt }),
});

export const attemptsGet = endpoint({
  path: "/action_attempts/get",
  methods: READ,
  role: "viewer",
  input: z.object({ action_attempt_id: id }),
  output: answer({ action_attempt: actionAttempt }),
});

export const attemptsList = endpoint({
  path: "/action_attempts/list",
  methods: READ,
  role: "viewer",
  input: z.object({
    action_attempt_ids: ids.optional(),
    device_id: id.optional(),
    ...paging(500),
  }),
  output: answer({ action_attempts: z.array(actionAttempt), pagination }),
});
