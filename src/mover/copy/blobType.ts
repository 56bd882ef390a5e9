import { filetypemime } from 'magic-bytes.js'

/** A type that says nothing. */
const GENERIC = 'application/octet-stream'
const TYPE = /^[a-z0-9][\w.+-]*\/[a-z0-9][\w.+-]*$/i

/** The type without its parameters, if it is one that a server can take; `*` and other patterns are not. */
const concrete = (type: string): string | undefined => {
  const [bare = ''] = type.split(';')
  const trimmed = bare.trim().toLowerCase()
  return TYPE.test(trimmed) && trimmed !== GENERIC ? trimmed : undefined
}

/**
 * The types under which a blob may be sent, the best first: what the source says, where that is a type; what the record
 * says; what the first bytes show; and the one that says nothing.
 */
export const typesToSend = (source: string, record: string, head: Uint8Array): string[] => {
  const known = [concrete(source), concrete(record), ...filetypemime([...head.subarray(0, 1024)])]
  return [...new Set([...known.filter((type) => type !== undefined), GENERIC])]
}
