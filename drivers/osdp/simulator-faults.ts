/** What is wrong with a reader, as data; counts go down as they are used up. */
export interface PeripheralFaults {
  /** Hears and does everything, answers nothing. */
  isSilent: boolean;
  /** So many commands are answered BUSY and not done. */
  busyAnswers: number;
  /** The next command of this code is answered with this NAK and not done. */
  refusals: { readonly command: number; readonly error: number }[];
  /** So many answers have a wrong check, a wrong MAC, a wrong sequence number. */
  wrongChecks: number;
  wrongMacs: number;
  wrongSequences: number;
  /** So many answers in a session come in clear, with a key press inside: somebody else at the wire. */
  forgedKeys: number;
  /** So many commands in a session are done, and acknowledged in clear. */
  clearAcks: number;
  /** Answers with a copy of what it said three exchanges ago. */
  replays: number;
  /** Is silent to a repeated command, as older libosdp versions are. */
  cannotRepeat: boolean;
  /** Silent to frames with a CRC. */
  isDeafToCrc: boolean;
  /** Answers with a CRC, also to a checksum: libosdp. */
  alwaysCrc: boolean;
  /** OUT is answered with the state of its outputs, not with ACK: OSDP.Net. */
  answersOutWithState: boolean;
  /** Answers ID only after a POLL. */
  wantsPollFirst: boolean;
  /** Says that it used everybody's key, whichever it was. */
  namesWrongKey: boolean;
  wrongInitialMac: boolean;
  /** Status answers in a session have a MAC, the command's type, and data in clear: libosdp 3.2.0. */
  statusUnencrypted: boolean;
  /** ACK in a session has the type of encrypted data, and none. */
  emptyEncrypted: boolean;
  /** The ACK to KEYSET comes in clear. */
  clearKeysetAck: boolean;
  /** Acknowledges KEYSET and keeps the key that it had. */
  keepsOldKey: boolean;
  /** The answer to COMSET is damaged by the change of speed. */
  garblesCommunication: boolean;
  /** Bytes before an answer. */
  marks: number;
}

export function noFaults(): PeripheralFaults {
  return {
    isSilent: false,
    busyAnswers: 0,
    refusals: [],
    wrongChecks: 0,
    wrongMacs: 0,
    wrongSequences: 0,
    forgedKeys: 0,
    clearAcks: 0,
    replays: 0,
    cannotRepeat: false,
    isDeafToCrc: false,
    alwaysCrc: false,
    answersOutWithState: false,
    wantsPollFirst: false,
    namesWrongKey: false,
    wrongInitialMac: false,
    statusUnencrypted: false,
    emptyEncrypted: false,
    clearKeysetAck: false,
    keepsOldKey: false,
    garblesCommunication: false,
    marks: 1,
  };
}
