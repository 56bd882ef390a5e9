import type { Method } from '../methods.ts'
import { newProject } from '../trim.ts'
import { banner } from './banner.ts'

/** `server.ts`: the router, with one route for each method. */
export function emitServer(methods: Method[]): string {
  const source = newProject().createSourceFile('server.ts', '')
  source.addImportDeclaration({ namedImports: ['Router'], moduleSpecifier: 'itty-router' })
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
      writer.writeLine("return Router<Request, [Context]>({ base: '/xrpc', catch: xrpc.failed })")
      for (const { id, main } of methods)
        writer.writeLine(`  .all('/${id}', xrpc.${main.type}('${id}', handlers['${id}']))`)
      writer.writeLine("  .all('*', xrpc.unknown)")
    },
  })
  return banner('emit/server.ts') + source.getFullText()
}
