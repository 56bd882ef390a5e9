import { CodedError } from '../codedError.ts'

const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz'
const SYNTAX = /^[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}$/

/** A string that is no TID, or a TID after which there is none. */
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

/** Whether the text is a TID in form and its time fits into 53 bits, as the specification has it. */
export const isTid = (text: string): boolean =>
  SYNTAX.test(text) && Number.isSafeInteger(decode(text.slice(0, 11)))

/** The microseconds since the epoch and the clock identifier that a TID is made of. */
export const parseTid = (tid: string): { micros: number; clock: number } => {
  if (!isTid(tid)) throw new TidError(`not a TID: ${JSON.stringify(tid.slice(0, 32))}`)
  return { micros: decode(tid.slice(0, 11)), clock: decode(tid.slice(11)) }
}

/** The TID of a moment. */
export const formatTid = (micros: number, clock = 0): string => {
  if (!Number.isSafeInteger(micros) || micros < 0) throw new TidError(`no TID for ${micros} microseconds`)
  return encode(micros, 11) + encode(clock & 1023, 2)
}

/**
 * The next TID: of now (milliseconds), or one microsecond after the one before, so that it always
 * comes later, also after a clock that went back and after a revision that another host made.
 */
export const nextTid = (now: number, prev?: string, clock = 0): string => {
  const micros = Math.floor(now) * 1000
  return formatTid(prev === undefined ? micros : Math.max(micros, parseTid(prev).micros + 1), clock)
}
