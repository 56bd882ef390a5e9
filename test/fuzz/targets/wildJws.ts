import { der, highS } from '../../crypto/support.ts'
import { base64url, macJws, publicSecrets, type VectorKey } from '../../fixtures/oauth/vectorKey.ts'
import { mutateBytes } from '../bytes.ts'
import { type Json, jsonText, mutateJson } from '../json.ts'
import type { Random } from '../random.ts'

const segment = (value: Json, random: Random, wild: boolean): string => {
  const json = jsonText(wild ? mutateJson(value, random) : value)
  const text = random.chance(0.9)
    ? json
    : random.pick([
        () => json.replace('{', '{"alg":"none","iat":1,"htm":"GET",'),
        () => json.replaceAll('":', '" \t:\r\n'),
        () => json.replace(/"a/g, '"\\u0061'),
        () => `${json} `,
        () => `\ufeff${json}`,
        () => `${json}{}`,
      ])()
  const bytes = Buffer.from(text)
  return base64url(random.chance(0.03) ? mutateBytes(bytes, random) : bytes)
}

const signatureOf = async (key: VectorKey, signed: string, random: Random): Promise<Uint8Array> => {
  const good = await key.sign(signed)
  return random.chance(0.85)
    ? good
    : random.pick([
        () => mutateBytes(good, random),
        () => highS(good, 'p256'),
        () => der(good),
        () => new Uint8Array(64),
        () => new Uint8Array(64).fill(255),
        () => new Uint8Array(0),
      ])()
}

/** A token of a good header and payload, of which something may be wrong: what was signed is what is there, mostly. */
export const wildJws = async (
  key: VectorKey,
  header: Json,
  payload: Json,
  random: Random,
): Promise<string> => {
  const [head, body] = [
    segment(header, random, random.chance(0.4)),
    segment(payload, random, random.chance(0.5)),
  ]
  if (random.chance(0.05)) return macJws(head, body, random.pick(publicSecrets(key))[1])
  const token = `${head}.${body}.${base64url(await signatureOf(key, `${head}.${body}`, random))}`
  return random.chance(0.1) ? Buffer.from(mutateBytes(Buffer.from(token), random)).toString('latin1') : token
}

const read = (part: string | undefined): { [name: string]: Json } =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as { [name: string]: Json } // of a token that was taken

export const parts = {
  mutate: (token: string, random: Random, others: readonly string[]): string =>
    Buffer.from(mutateBytes(Buffer.from(token), random, [Buffer.from(random.pick(others))])).toString(
      'latin1',
    ),

  /** A token that was accepted, read by other means; throws unless it is in its one spelling. */
  open: (token: string) => {
    const [head, body, sig] = token.split('.')
    const signature = Buffer.from(sig ?? '', 'base64url')
    const again = [head, body, sig].map((it) => base64url(Buffer.from(it ?? '', 'base64url'))).join('.')
    if (again !== token) throw new Error('another spelling of the same token')
    return { head: read(head), body: read(body), signed: Buffer.from(`${head}.${body}`), signature }
  },
}
