/**
 * Who may import whom. The two tables are the rule; whatever they do not list is forbidden. Tests (`*.test.ts` and
 * `test/`, and a driver's rig for the conformance suite) may import anything.
 */

/** Part of the code → parts it may import, besides itself. */
const MAY_IMPORT = {
  "src/lib": [],
  "src/domain": ["src/lib"],
  "src/driver-api": ["src/lib"],
  "src/contactless": ["src/driver-api", "src/lib"],
  "src/magstripe": ["src/driver-api", "src/lib"],
  "src/cards": ["src/domain", "src/driver-api", "src/lib"],
  "src/engine": ["src/domain", "src/cards", "src/driver-api", "src/lib"],
  "src/devices": ["src/engine", "src/domain", "src/driver-api", "src/lib"],
  "src/hosts": ["src/devices", "src/driver-api", "src/lib"],
  "src/transports": ["src/engine", "src/driver-api", "src/lib"],
  "src/store": ["src/engine", "src/domain", "src/cards", "src/lib"],
  "src/cloud": ["src/engine", "src/domain", "src/cards", "src/lib"],
  "src/api": ["src/engine", "src/domain", "src/cards", "src/driver-api", "src/webhooks", "src/lib"],
  "src/webhooks": ["src/engine", "src/lib"],
  "src/ops": ["src/engine", "src/domain", "src/lib"],
  "src/config": ["src/domain", "src/cards", "src/lib"],
  "src/cli": ["src/api/schemas", "src/lib"],
  "src/(run-)?gateway[a-z-]*": [
    "src/api",
    "src/cards",
    "src/cloud",
    "src/config",
    "src/devices",
    "src/domain",
    "src/driver-api",
    "src/engine",
    "src/hosts",
    "src/lib",
    "src/ops",
    "src/store",
    "src/transports",
    "src/webhooks",
    "drivers/index",
  ],
  "src/hosted-driver": ["src/(run-)?gateway[a-z-]*"],
  "src/main": [
    "src/add-device",
    "src/check-config",
    "src/cli",
    "src/config",
    "src/(run-)?gateway[a-z-]*",
    "src/lib",
    "src/ops",
    "src/sandbox",
  ],
  "src/add-device": ["src/check-config", "src/cli", "src/config"],
  "src/check-config": ["src/api", "src/cli", "src/config", "src/(run-)?gateway[a-z-]*"],
  "drivers/index": ["src/driver-api", "drivers"],
  "drivers/[^/]+": ["src/contactless", "src/driver-api", "src/lib", "src/magstripe"],
};

/** Part of the code → npm packages it may import. `src/sandbox` has a rule of its own below. */
const MAY_USE = {
  "src/lib": ["@noble/ciphers"],
  "src/domain": ["xstate", "zod"],
  "src/driver-api": ["zod"],
  "src/contactless": [],
  "src/magstripe": ["zod"],
  "src/cards": ["zod"],
  "src/engine": ["xstate", "zod"],
  "src/devices": ["zod"],
  "src/hosts": ["zod"],
  "src/transports": ["serialport", "@serialport/[^/]+", "node-hid"],
  "src/store": ["better-sqlite3", "zod"],
  "src/cloud": ["mqtt", "undici", "zod"],
  "src/api": ["fastify", "zod"],
  "src/webhooks": [],
  "src/ops": ["pino", "prom-client"],
  "src/config": ["yaml", "zod"],
  "src/cli": ["cli-table3", "commander", "csv-parse", "zod"],
  "src/(run-)?gateway[a-z-]*": ["pino", "zod"],
  "src/hosted-driver": [],
  "src/main": [],
  "drivers/index": [],
  "drivers/[^/]+": ["zod"],
};

/** Parts that do no input and output: no Node module either, but those that only compute. */
const PURE = [
  "src/lib",
  "src/domain",
  "src/driver-api",
  "src/contactless",
  "src/magstripe",
  "src/cards",
  "src/engine",
  "drivers/[^/]+",
];
const COMPUTING = "^(node:)?(assert|assert/strict|buffer|crypto|util)$";

const TESTS = "(^test/|^drivers/[^/]+/conformance\\.ts$|\\.test\\.ts$)";

/** Files of a part: a folder, or the one file of that name. */
const filesOf = (part) => `^${part}(/|\\.ts$)`;
const nameOf = (part) => part.replace("/[^/]+", "/*").replace("(run-)?gateway[a-z-]*", "gateway");

const partRules = Object.entries(MAY_IMPORT).map(([part, others]) => ({
  name: `${nameOf(part)} imports only what its layer may`,
  severity: "error",
  from: { path: filesOf(part), pathNot: part === "drivers/[^/]+" ? [TESTS, "^drivers/index\\.ts$"] : TESTS },
  to: { path: "^(src|drivers|test)/", pathNot: [part, ...others].map(filesOf) },
}));

/** An optional peer of the gateway: loaded when a Z-Wave stick is opened, and by the simulator of one. */
const ZWAVE = "^drivers/zwave/(library|simulator[^/]*)\\.ts$";

const packageRules = Object.entries(MAY_USE).map(([part, packages]) => ({
  name: `${nameOf(part)} uses only its packages`,
  severity: "error",
  from: { path: filesOf(part), pathNot: part === "drivers/[^/]+" ? [TESTS, "^drivers/zwave/"] : TESTS },
  to: {
    path: "node_modules/",
    pathNot: packages.length === 0 ? "^$" : `node_modules/(@types/)?(${packages.join("|")})/`,
  },
}));

const pureRules = PURE.map((part) => ({
  name: `${nameOf(part)} does no input and output`,
  severity: "error",
  from: { path: filesOf(part), pathNot: TESTS },
  to: { dependencyTypes: ["core"], pathNot: COMPUTING },
}));

module.exports = {
  forbidden: [
    ...partRules,
    ...packageRules,
    ...pureRules,
    {
      name: "every part of src is in the table",
      severity: "error",
      from: {
        path: "^(src|drivers)/",
        pathNot: [...Object.keys(MAY_IMPORT).map(filesOf), "^src/sandbox/", TESTS],
      },
      to: { path: "." },
    },
    {
      name: "drivers/zwave uses only its packages",
      severity: "error",
      from: { path: "^drivers/zwave/", pathNot: TESTS },
      to: { path: "node_modules/", pathNot: "node_modules/(zod|zwave-js|@zwave-js/[^/]+)/" },
    },
    {
      name: "the Z-Wave library is loaded only when a stick is opened",
      severity: "error",
      from: { path: "^drivers/zwave/", pathNot: [TESTS, "/simulator[^/]*\\.ts$"] },
      to: { path: "node_modules/@?zwave-js/", dynamic: false, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "drivers never import one another",
      severity: "error",
      from: { path: "^drivers/([^/]+)/", pathNot: TESTS },
      to: { path: "^drivers/", pathNot: "^drivers/$1/" },
    },
    {
      name: "simulators are for the sandbox and for tests",
      severity: "error",
      from: { pathNot: [TESTS, "^src/sandbox/", "/simulator[^/]*(/|\\.ts$)"] },
      to: { path: "^drivers/[^/]+/simulator" },
    },
    {
      name: "only main starts the sandbox",
      severity: "error",
      from: { pathNot: [TESTS, "^src/sandbox/", "^src/main\\.ts$"] },
      to: { path: "^src/sandbox/" },
    },
    {
      name: "main loads the sandbox only when asked",
      severity: "error",
      from: { path: "^src/main\\.ts$" },
      to: { path: "^src/sandbox/", dynamic: false, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "in the sandbox only the stand-in cloud has a database of its own",
      severity: "error",
      from: { path: "^src/sandbox/", pathNot: [TESTS, "^src/sandbox/cloud(/|\\.ts$)"] },
      to: { path: "node_modules/(@types/)?better-sqlite3/" },
    },
    {
      name: "no cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "every import resolves",
      severity: "error",
      from: { pathNot: TESTS },
      to: { couldNotResolve: true },
    },
    {
      name: "the product runs without development packages",
      severity: "error",
      from: { path: "^(src|drivers)/", pathNot: [TESTS, ZWAVE] },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg"], dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ["source", "import", "types", "node", "default"],
      exportsFields: ["exports"],
      mainFields: ["main", "types"],
    },
  },
};
