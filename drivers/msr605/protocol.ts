/**
 * The bytes of the family are in `src/magstripe/msr-protocol.ts`, since the MSR605X speaks them too; what is written on
 * a track is in `src/magstripe/track.ts`. On a serial line they go as they are: nothing marks where an answer begins or
 * ends but the answer itself.
 */
export { answers, commands, type RawBlock } from "#src/magstripe/msr-protocol";
export { decodeTrack, encodeTrack, trackProblem } from "#src/magstripe/track";
