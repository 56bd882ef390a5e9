import type { Method } from '../methods.ts'
import { newProject } from '../trim.ts'
import { banner } from './banner.ts'

/** `server.ts`: the router, with one route for each method. */
export function emitServer(methods: Method[]): string {
  const source = newProject().createSourceFile('server.ts', '')
  source.addImportDeclaration({ namedImports: ['Router'], moduleSpecifier: 'itty-router' })
  source.addImportDeclaration({
    isTypeOnly: true,
    namedImports: ['MethodId'],
    moduleSpecifier: './methods.ts',
  })
  source.addImportDeclaration({
    isTypeOnly: true,
    namedImports: ['AnyHandlers', 'Runtime'],
    moduleSpecifier: '../xrpc/types.ts',
  })
  source.addFunction({
    name: 'createRouter',
    isExported: true,
    docs: [
      'Routes each method to its handler. The runtime does everything else: verbs, params, credentials, bodies, errors.',
    ],
    typeParameters: ['Context'],
    parameters: [
      { name: 'handlers', type: 'AnyHandlers' },
      { name: 'xrpc', type: 'Runtime<Context>' },
    ],
    statements: (writer) => {
      writer.writeLine("const router = Router<Request, [Context]>({ base: '/xrpc', catch: xrpc.failed })")
      for (const type of ['query', 'procedure', 'subscription'])
        writer.writeLine(
          `const ${type} = (id: MethodId) => router.all(\`/\${id}\`, xrpc.${type}(id, handlers[id]))`,
        )
      for (const { id, main } of methods) writer.writeLine(`${main.type}('${id}')`)
      writer.writeLine("return router.all('*', xrpc.unknown)")
    },
  })
  return banner('emit/server.ts') + source.getFullText()
}
