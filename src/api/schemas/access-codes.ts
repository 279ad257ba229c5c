import { z } from "zod";
import { ACT, answer, CHANGE, endpoint, READ, REMOVE } from "./endpoint.js";
import {
  accessPin,
  exactlyOne,
  id,
  ids,
  instant,
  notKept,
  pagination,
  paging,
  search,
  text,
} from "./fields.js";
import { accessCode, actionAttempt } from "./objects.js";

/** PINs on locks. `sync` waits for the lock before it answers. */

/** Parameters that creating and updating share. */
const options = {
  name: text.optional(),
  code: accessPin.optional(),
  preferred_code_length: z.number().min(1).max(20).optional(),
  starts_at: instant.optional(),
  ends_at: instant.optional(),
  prefer_native_scheduling: z.boolean().optional(),
  max_time_rounding: z.enum(["1hour", "1day", "1h", "1d"]).optional(),
  is_offline_access_code: z.boolean().optional(),
  use_offline_access_code: z.boolean().optional(),
  is_one_time_use: z.boolean().optional(),
  allow_external_modification: z.boolean().optional(),
  is_external_modification_allowed: z.boolean().optional(),
  use_backup_access_code_pool: z.boolean().optional(),
  attempt_for_offline_device: z.boolean().optional(),
};
const sync = z.boolean().default(false);

/** Two names of one switch must not say different things. */
function twins(input: Readonly<Record<string, unknown>>, context: z.core.$RefinementCtx): void {
  for (const [one, other] of [
    ["allow_external_modification", "is_external_modification_allowed"],
    ["is_offline_access_code", "use_offline_access_code"],
  ] as const) {
    if (input[one] !== undefined && input[other] !== undefined && input[one] !== input[other]) {
      context.addIssue({ code: "custom", path: [other], message: `must not differ from ${one}` });
    }
  }
}

/** By its id, or by its lock and its PIN. */
const one = z
  .object({ access_code_id: id.optional(), device_id: id.optional(), code: accessPin.optional() })
  .superRefine(({ access_code_id, device_id, code }, context) => {
    if (access_code_id === undefined && (device_id === undefined || code === undefined)) {
      const message = "Required: access_code_id, or device_id and code";
      context.addIssue({ code: "custom", path: ["access_code_id"], message });
    }
  });

const listing = {
  search,
  user_identifier_key: notKept("client sessions"),
  customer_key: notKept("customers"),
};

export const accessCodesCreate = endpoint({
  path: "/access_codes/create",
  methods: ACT,
  role: "technician",
  input: z.object({ device_id: id, ...options, common_code_key: text.optional(), sync }).superRefine(twins),
  output: answer({ access_code: accessCode, action_attempt: actionAttempt }),
});

export const accessCodesCreateMultiple = endpoint({
  path: "/access_codes/create_multiple",
  methods: CHANGE,
  role: "technician",
  input: z
    .object({
      device_ids: z.array(id).min(1).max(100),
      behavior_when_code_cannot_be_shared: z.enum(["throw", "create_random_code"]).default("throw"),
      ...options,
    })
    .superRefine(twins),
  output: answer({ access_codes: z.array(accessCode) }),
});

export const accessCodesGet = endpoint({
  path: "/access_codes/get",
  methods: READ,
  role: "viewer",
  input: one,
  output: answer({ access_code: accessCode }),
});

export const accessCodesList = endpoint({
  path: "/access_codes/list",
  methods: READ,
  role: "viewer",
  input: z
    .object({
      device_id: id.optional(),
      access_code_ids: ids.optional(),
      ...listing,
      ...paging(1000),
      access_grant_id: notKept("access grants"),
      access_grant_key: notKept("access grants"),
      access_method_id: notKept("access methods"),
    })
    .superRefine(exactlyOne("device_id", "access_code_ids")),
  output: answer({ access_codes: z.array(accessCode), pagination }),
});

export const accessCodesUpdate = endpoint({
  path: "/access_codes/update",
  methods: CHANGE,
  role: "technician",
  input: z
    .object({
      access_code_id: id,
      device_id: id.optional(),
      type: z.enum(["ongoing", "time_bound"]).optional(),
      is_managed: z.boolean().optional(),
      ...options,
      sync,
    })
    .superRefine(twins),
  output: answer({ action_attempt: actionAttempt }),
});

export const accessCodesUpdateMultiple = endpoint({
  path: "/access_codes/update_multiple",
  methods: CHANGE,
  role: "technician",
  input: z.object({
    common_code_key: text,
    name: text.optional(),
    starts_at: instant.optional(),
    ends_at: instant.optional(),
  }),
  output: answer({}),
});

export const accessCodesDelete = endpoint({
  path: "/access_codes/delete",
  methods: REMOVE,
  role: "technician",
  input: z.object({ access_code_id: id, device_id: id.optional(), sync }),
  output: answer({ action_attempt: actionAttempt }),
});

export const accessCodesGenerate = endpoint({
  path: "/access_codes/generate_code",
  methods: READ,
  role: "viewer",
  input: z.object({ device_id: id }),
  output: answer({ generated_code: z.object({ device_id: z.string(), code: z.string() }) }),
});

export const accessCodesPullBackup = endpoint({
  path: "/access_codes/pull_backup_access_code",
  methods: ACT,
  role: "technician",
  input: z.object({ access_code_id: id }),
  output: answer({ access_code: accessCode, backup_access_code: accessCode }),
});

const length = z.int().min(4).max(20);

export const accessCodesReportConstraints = endpoint({
  path: "/access_codes/report_device_constraints",
  methods: ACT,
  role: "technician",
  input: z
    .object({
      device_id: id,
      supported_code_lengths: z.array(length).min(1).max(17).optional(),
      min_code_length: length.optional(),
      max_code_length: length.optional(),
    })
    .superRefine((input, context) => {
      const { supported_code_lengths: lengths, min_code_length: min, max_code_length: max } = input;
      const issue = (parameter: string, message: string) =>
        context.addIssue({ code: "custom", path: [parameter], message });
      const isRange = min !== undefined || max !== undefined;
      if (lengths === undefined && !isRange)
        issue("supported_code_lengths", "Required, or a range of lengths");
      if (lengths !== undefined && isRange) {
        issue("supported_code_lengths", "must not be given together with min_code_length or max_code_length");
      }
      if (min !== undefined && max !== undefined && max < min) {
        issue("max_code_length", "must not be less than min_code_length");
      }
    }),
  output: answer({}),
});

export const unmanagedGet = endpoint({
  path: "/access_codes/unmanaged/get",
  methods: READ,
  role: "viewer",
  input: one,
  output: answer({ access_code: accessCode }),
});

export const unmanagedList = endpoint({
  path: "/access_codes/unmanaged/list",
  methods: READ,
  role: "viewer",
  input: z.object({ device_id: id, ...listing, ...paging(1000) }),
  output: answer({ access_codes: z.array(accessCode), pagination }),
});

export const unmanagedConvert = endpoint({
  path: "/access_codes/unmanaged/convert_to_managed",
  methods: CHANGE,
  role: "technician",
  input: z
    .object({
      access_code_id: id,
      force: z.boolean().default(false),
      allow_external_modification: z.boolean().optional(),
      is_external_modification_allowed: z.boolean().optional(),
      sync,
    })
    .superRefine(twins),
  output: answer({}),
});

export const unmanagedUpdate = endpoint({
  path: "/access_codes/unmanaged/update",
  methods: CHANGE,
  role: "technician",
  input: z
    .object({
      access_code_id: id,
      is_managed: z.boolean(),
      force: z.boolean().default(false),
      allow_external_modification: z.boolean().optional(),
      is_external_modification_allowed: z.boolean().optional(),
    })
    .superRefine(twins),
  output: answer({}),
});

export const unmanagedDelete = endpoint({
  path: "/access_codes/unmanaged/delete",
  methods: REMOVE,
  role: "technician",
  input: z.object({ access_code_id: id, sync }),
  output: answer({ action_attempt: actionAttempt }),
});
