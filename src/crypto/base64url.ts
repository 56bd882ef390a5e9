import { Buffer } from 'node:buffer'

export const toBase64url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')

/**
 * Decodes base64url, and gives `undefined` for text that is not the one spelling of its bytes: padding, another
 * alphabet, stray trailing bits. Two spellings of one signature would be two tokens to anything that compares text.
 */
export const fromBase64url = (text: string): Uint8Array<ArrayBuffer> | undefined => {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined
  const bytes = new Uint8Array(Buffer.from(text, 'base64url'))
  return toBase64url(bytes) === text ? bytes : undefined
}
