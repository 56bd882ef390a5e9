import type { Method } from '../methods.ts'
import { newProject } from '../trim.ts'
import { banner } from './banner.ts'

interface Tree {
  [name: string]: Tree | Method
}

const isMethod = (node: Tree | Method): node is Method => typeof node.id === 'string'

function nest(methods: Method[]): Tree {
  const tree: Tree = {}
  for (const method of methods) {
    const segments = method.id.split('.')
    let node = tree
    for (const segment of segments.slice(0, -1)) {
      const next = (node[segment] ??= {})
      if (isMethod(next)) throw new Error(`${method.id}: ${next.id} is a method, so it cannot hold another`)
      node = next
    }
    node[segments.at(-1) ?? ''] = method
  }
  return tree
}

const JSON_BODY = 'application/json'

/**
 * What the client must know of a method at run time beside its id: the declared errors, the encodings of output and
 * input (`''` for none). Defaults (no errors, JSON) are left out at the end, because the client's size has a budget.
 */
const argumentsOf = ({ id, main }: Method): string => {
  if (main.type === 'subscription') throw new Error(`${id}: a subscription is not called`)
  const errors = `[${(main.errors ?? []).map((error) => `'${error.name}'`).join(', ')}]`
  const output = main.output?.encoding ?? ''
  const input = main.type === 'procedure' ? (main.input?.encoding ?? '') : JSON_BODY
  const given: [string, boolean][] = [
    [errors, errors === '[]'],
    [`'${output}'`, output === JSON_BODY],
    [`'${input}'`, input === JSON_BODY],
  ]
  const last = given.findLastIndex(([, isDefault]) => !isDefault)
  return given
    .slice(0, last + 1)
    .map(([text]) => text)
    .join(', ')
}

const emit = (tree: Tree, indent: string): string =>
  Object.entries(tree)
    .map(([name, node]) => {
      if (!isMethod(node)) return `${indent}${name}: {\n${emit(node, indent + '  ')}${indent}},\n`
      const { main } = node
      const doc = main.description ? `${indent}/** ${main.description} */\n` : ''
      return `${doc}${indent}${name}: ${main.type}(${argumentsOf(node)}),\n`
    })
    .join('')

/** `client/namespaces.ts`: nested namespaces over the methods, e.g. `client.com.atproto.sync.getRepo(...)`. */
export function emitClient(methods: Method[], folder: string): string {
  // A subscription uses a WebSocket and has a client of its own.
  const callable = methods.filter(({ main }) => main.type !== 'subscription')
  const source = newProject().createSourceFile('namespaces.ts', '')
  source.addImportDeclaration({
    namedImports: ['bind', 'procedure', 'query'],
    moduleSpecifier: `${folder}/methodTree.ts`,
  })
  source.addImportDeclaration({
    isTypeOnly: true,
    namedImports: ['Transport'],
    moduleSpecifier: `${folder}/types.ts`,
  })
  source.addFunction({
    name: 'createNamespaces',
    isExported: true,
    docs: ['The methods as nested namespaces. Each sends its calls with the transport.'],
    parameters: [{ name: 'transport', type: 'Transport' }],
    statements: `return bind(transport, {\n${emit(nest(callable), '  ')}})`,
  })
  return banner('emit/client.ts') + source.getFullText()
}
