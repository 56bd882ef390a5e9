import type { Call, MethodId, Transport } from './types.ts'

/** What must be known of a method to call it, but its id: that is its path in the tree. */
type Leaf = (transport: Transport, id: string) => unknown

interface Tree {
  readonly [name: string]: Tree | Leaf
}

/** A tree of methods that can be called. */
type Callable<T, Path extends string = ''> = {
  [Name in keyof T]: T[Name] extends Leaf
    ? Call<`${Path}${Name & string}` & MethodId>
    : Callable<T[Name], `${Path}${Name & string}.`>
}

/** A query with the errors that it declares and the encoding of its output; JSON if absent, `''` for none. */
export const query =
  (errors?: readonly string[], output?: string): Leaf =>
  (transport, id) =>
    transport.query(id, errors, output)

/** A procedure with the errors that it declares and the encodings of its output and input; JSON if absent, `''` for none. */
export const procedure =
  (errors?: readonly string[], output?: string, input?: string): Leaf =>
  (transport, id) =>
    transport.procedure(id, errors, output, input)

/** The methods of a tree as functions that send their calls with the transport. */
export const bind = <T extends Tree>(transport: Transport, tree: T, path = ''): Callable<T> =>
  Object.fromEntries(
    Object.entries(tree).map(([name, node]) => [
      name,
      typeof node === 'function' ? node(transport, path + name) : bind(transport, node, `${path}${name}.`),
    ]),
    // The tree is generated from the lexicons, as the types of the calls are.
  ) as Callable<T>
