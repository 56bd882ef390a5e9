import type {
  LexRefVariant,
  LexiconDoc,
  LexXrpcBody,
  LexXrpcProcedure,
  LexXrpcQuery,
  LexXrpcSubscription,
} from '@atproto/lexicon'
import type { Loaded } from './load.ts'

/** A method, as the emitters need it. */
export interface Method {
  id: string
  main: LexXrpcQuery | LexXrpcProcedure | LexXrpcSubscription
}

const isMethod = (def: LexiconDoc['defs'][string] | undefined): def is Method['main'] =>
  def?.type === 'query' || def?.type === 'procedure' || def?.type === 'subscription'

export const methodsOf = (loaded: Loaded[]): Method[] =>
  loaded.flatMap(({ document }) => {
    const main = document.defs.main
    return isMethod(main) ? [{ id: document.id, main }] : []
  })

/** The name under which a method's types are imported: `ComAtprotoSyncGetRepo` for `com.atproto.sync.getRepo`. */
export const title = (nsid: string): string =>
  nsid
    .split('.')
    .map((segment) => segment.slice(0, 1).toUpperCase() + segment.slice(1))
    .join('')

/** A union of string literals. */
export const union = (names: string[]): string => names.map((name) => `'${name}'`).join(' | ') || 'never'

const withDefault = (properties: Record<string, unknown> | undefined): string[] =>
  Object.entries(properties ?? {})
    .filter(
      ([, value]) =>
        typeof value === 'object' && value !== null && 'default' in value && value.default !== undefined,
    )
    .map(([name]) => name)

const objectProperties = (schema: LexXrpcBody['schema'] | LexRefVariant | undefined) =>
  schema && schema.type === 'object' ? schema.properties : undefined

const payload = (id: string, body: LexXrpcBody | undefined, name: string): string =>
  !body ? 'undefined' : body.schema ? `${title(id)}.${name}` : `Binary<'${body.encoding}'>`

/** The members of a method's entry in `Methods`, in order. */
export function members({ id, main }: Method): [string, string][] {
  const input = main.type === 'procedure' ? main.input : undefined
  const output =
    main.type === 'subscription' ? `${title(id)}.OutputSchema` : payload(id, main.output, 'OutputSchema')
  return [
    ['kind', `'${main.type}'`],
    ['params', `${title(id)}.QueryParams`],
    ['defaults', union(withDefault(main.parameters?.properties))],
    ['input', payload(id, input, 'InputSchema')],
    ['inputDefaults', union(withDefault(objectProperties(input?.schema)))],
    ['output', output],
    ['errors', union((main.errors ?? []).map((error) => error.name))],
  ]
}
