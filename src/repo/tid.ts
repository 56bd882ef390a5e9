import { CodedError } from '../codedError.ts'

const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz'
const SYNTAX = /^[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}$/

/** How much later than now a revision may be: relays refuse those that are later. */
export const MAX_REV_AHEAD_MS = 5 * 60_000

/** A string that is not a TID, or a time that no TID can express. */
export class TidError extends CodedError<'BadTid'> {
  override readonly name = 'TidError'

  constructor(message: string) {
    super('BadTid', message)
  }
}

const encode = (value: number, length: number): string => {
  let text = ''
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32))
    text = ALPHABET.charAt(rest % 32) + text
  return text
}

const decode = (text: string): number => {
  let value = 0
  for (const letter of text) value = value * 32 + ALPHABET.indexOf(letter)
  return value
}

/** Whether the text has the form of a TID and its time fits into 53 bits, as the specification demands. */
export const isTid = (text: string): boolean =>
  SYNTAX.test(text) && Number.isSafeInteger(decode(text.slice(0, 11)))

/** The microseconds since the epoch and the clock identifier of a TID. */
export const parseTid = (tid: string): { micros: number; clock: number } => {
  if (!isTid(tid)) throw new TidError(`not a TID: ${JSON.stringify(tid.slice(0, 32))}`)
  return { micros: decode(tid.slice(0, 11)), clock: decode(tid.slice(11)) }
}

/** The TID of a time (microseconds since the epoch) and a clock identifier. */
export const formatTid = (micros: number, clock = 0): string => {
  if (!Number.isSafeInteger(micros) || micros < 0) throw new TidError(`no TID for ${micros} microseconds`)
  return encode(micros, 11) + encode(clock & 1023, 2)
}

/**
 * The next TID: of now (milliseconds), or one microsecond after `prev` if that is later. It is always above `prev`,
 * even if the clock went back, or another host made the revision before.
 */
export const nextTid = (now: number, prev?: string, clock = 0): string => {
  const micros = Math.floor(now) * 1000
  return formatTid(prev === undefined ? micros : Math.max(micros, parseTid(prev).micros + 1), clock)
}
