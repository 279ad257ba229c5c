/** Of the simulated network; a test or demo configures the same. */
export const SIMULATED_KEYS = {
  S2_AccessControl: "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
  S2_Authenticated: "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf",
  S2_Unauthenticated: "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf",
  S0_Legacy: "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
} as const;
