import { SIGNATURES } from '../../generated/signatures.ts'

/** Some bytes at the beginning of a signature: what follows them, and the types of files that are known by them alone. */
interface Node {
  readonly next: Map<string, Node>
  types?: readonly string[]
}

const ANY = '??'

const newNode = (): Node => ({ next: new Map() })

const readSignatures = (): Map<number, Node> => {
  const byOffset = new Map<number, Node>()
  for (const line of SIGNATURES.split('\n')) {
    const [offset = '', signature = '', ...types] = line.split('\t')
    let node = byOffset.get(Number(offset)) ?? newNode()
    byOffset.set(Number(offset), node)
    for (const byte of signature.match(/../g) ?? []) {
      const next = node.next.get(byte) ?? newNode()
      node.next.set(byte, next)
      node = next
    }
    node.types = types
  }
  return byOffset
}

/** The types by the longest signature that is there. */
const typesAt = (from: number, head: Uint8Array, root: Node): readonly string[] => {
  let node = root
  let types: readonly string[] = []
  for (const byte of head.subarray(from)) {
    const next = node.next.get(byte.toString(16).padStart(2, '0')) ?? node.next.get(ANY)
    if (!next) break
    node = next
    types = node.types ?? types
  }
  return types
}

let known: Map<number, Node> | undefined

/** The types that a file with these first bytes may be of, the likeliest first. */
export const fileTypes = (head: Uint8Array): string[] => {
  // Read when it is needed: most requests bring no file.
  known ??= readSignatures()
  return [...new Set([...known].flatMap(([from, root]) => typesAt(from, head, root)))]
}
