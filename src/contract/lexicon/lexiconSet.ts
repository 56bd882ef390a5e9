import {
  Lexicons,
  type LexiconDoc,
  type LexUserType,
  type LexXrpcBody,
  type LexXrpcProcedure,
  type LexXrpcQuery,
} from '@atproto/lexicon'

/** The parts of a schema that the suite uses: the library's own type does not name nested ones. */
export interface Schema {
  type: string
  format?: string
  enum?: unknown[]
  const?: unknown
  default?: unknown
  knownValues?: string[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minGraphemes?: number
  maxGraphemes?: number
  closed?: boolean
  ref?: string
  refs?: string[]
  items?: Schema
  required?: string[]
  nullable?: string[]
  properties?: Record<string, Schema>
}

/** A query or procedure, as its document says. */
export interface Method {
  readonly id: string
  readonly kind: 'query' | 'procedure'
  readonly description: string
  readonly params: Readonly<Record<string, Schema>>
  readonly required: readonly string[]
  readonly input: LexXrpcBody | undefined
  readonly output: LexXrpcBody | undefined
  readonly errors: readonly string[]
}

/** Lexicon documents, ready to make requests from and to judge answers by. */
export interface LexiconSet {
  readonly lexicons: Lexicons
  readonly methods: readonly Method[]
  readonly subscriptions: readonly string[]
  /** Undefined where no document declares the method. */
  method(id: string): Method | undefined
  /** The schema that a reference names, such as `lex:com.example.defs#thing`. Throws where there is none. */
  resolve(ref: string): Schema
}

const methodOf = (id: string, def: LexXrpcQuery | LexXrpcProcedure): Method => ({
  id,
  kind: def.type,
  description: def.description ?? '',
  params: def.parameters?.properties ?? {},
  required: def.parameters?.required ?? [],
  input: def.type === 'procedure' ? def.input : undefined,
  output: def.output,
  errors: (def.errors ?? []).map(({ name }) => name),
})

/** Throws the library's own error, which names the document, where one is not valid. */
export function createLexiconSet(documents: readonly LexiconDoc[]): LexiconSet {
  // Building the library's index changes the references in place.
  const lexicons = new Lexicons(structuredClone([...documents]))
  const methods = [...lexicons].flatMap((document) => {
    const main = document.defs['main']
    return main?.type === 'query' || main?.type === 'procedure' ? [methodOf(document.id, main)] : []
  })
  const byId = new Map(methods.map((method) => [method.id, method]))
  return {
    lexicons,
    methods,
    subscriptions: [...lexicons]
      .filter(({ defs }) => defs['main']?.type === 'subscription')
      .map(({ id }) => id),
    method: (id) => byId.get(id),
    // Every LexUserType has `type` and some of the members of Schema; the union is too wide to narrow here.
    resolve: (ref) => lexicons.getDefOrThrow(ref) as LexUserType & Schema,
  }
}
