import { mutateBytes } from '../bytes.ts'
import { type Json, jsonText, mutateJson } from '../json.ts'
import type { Random } from '../random.ts'

/** An input that was accepted must be the only way to write its value. */
export const same = (again: Uint8Array, input: Uint8Array): void => {
  if (Buffer.compare(again, input) !== 0)
    throw new Error(`written again it is ${Buffer.from(again).toString('hex').slice(0, 400)}`)
}

export const hex = {
  show: (input: Uint8Array): string => Buffer.from(input).toString('hex'),
  parse: (shown: string): Uint8Array => new Uint8Array(Buffer.from(shown, 'hex')),
  mutate: mutateBytes,
}

export const plain = {
  show: (input: string): string => JSON.stringify(input),
  parse: (shown: string): string => String(JSON.parse(shown)),
  mutate: (input: string, random: Random, others: readonly string[]): string => {
    const bytes = (text: string) => Buffer.from(text)
    const json = random.chance(0.5) ? parsed(input) : undefined
    if (json !== undefined) return jsonText(mutateJson(json, random))
    return Buffer.from(mutateBytes(bytes(input), random, [bytes(random.pick(others))])).toString()
  },
}

const parsed = (text: string): Json | undefined => {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}
