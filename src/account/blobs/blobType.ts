import { fileTypes } from './fileTypes.ts'

/** How many bytes of a blob are looked at. */
export const HEAD_BYTES = 4096

const UNKNOWN = 'application/octet-stream'

/** Types that say nothing of the bytes: what clients send that do not know better. */
const GENERIC = [
  '*/*',
  UNKNOWN,
  'binary/octet-stream',
  'multipart/form-data',
  'application/x-www-form-urlencoded',
]

export const isGenericType = (mimeType: string): boolean => GENERIC.includes(mimeType)

/** Pictures whose first bytes leave no doubt. A camera's own format may begin like another's, so those are not here. */
const CERTAIN_PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif']

const textAt = (head: Uint8Array, from: number, to: number): string =>
  Buffer.from(head.subarray(from, to)).toString('latin1')

/** The types that the first bytes may be of, the likeliest first. */
const sniff = (head: Uint8Array): string[] => {
  const types = fileTypes(head)
  // The signatures do not tell these apart: WebM is Matroska with a name in its header, and audio has a brand of its own.
  if (types.includes('video/x-matroska') && textAt(head, 0, 64).includes('webm')) return ['video/webm']
  if (types.includes('video/mp4') && /^ftypM4[AB] /.test(textAt(head, 4, 12))) return ['audio/mp4']
  return types
}

/**
 * The type of a blob: the declared one, unless that is generic, or a picture of another kind than the bytes. Then it is
 * what the first bytes are known by.
 */
export const blobType = (declared: string, head: Uint8Array): string => {
  const isGeneric = isGenericType(declared)
  if (!isGeneric && !declared.startsWith('image/')) return declared
  const types = sniff(head)
  const [likeliest = UNKNOWN] = types
  if (isGeneric) return likeliest
  return CERTAIN_PICTURES.includes(likeliest) && !types.includes(declared) ? likeliest : declared
}
