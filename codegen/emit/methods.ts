import { members, title, type Method } from '../methods.ts'
import { newProject } from '../trim.ts'
import { banner } from './banner.ts'

/**
 * `methods.ts`: every method's id with its kind, params, input, output and errors, as types. `locate` says how a file
 * of types, `types/<nsid as a path>.ts`, is imported; `binary` is the module of `Binary`.
 */
export function emitMethods(methods: Method[], locate: (file: string) => string, binary: string): string {
  const source = newProject().createSourceFile('methods.ts', '')
  const entries = methods.map((method) => ({
    method,
    type: `{\n${members(method)
      .map(([name, type]) => `  ${name}: ${type}\n`)
      .join('')}}`,
  }))
  for (const { method } of entries)
    source.addImportDeclaration({
      isTypeOnly: true,
      namespaceImport: title(method.id),
      moduleSpecifier: locate(`types/${method.id.replaceAll('.', '/')}.ts`),
    })
  if (entries.some(({ type }) => type.includes('Binary<')))
    source.addImportDeclaration({ isTypeOnly: true, namedImports: ['Binary'], moduleSpecifier: binary })
  source.addInterface({
    name: 'Methods',
    isExported: true,
    docs: ['Every XRPC method that this server speaks.'],
    properties: entries.map(({ method, type }) => ({
      name: `'${method.id}'`,
      docs: method.main.description ? [method.main.description] : [],
      type,
    })),
  })
  source.addTypeAlias({ name: 'MethodId', isExported: true, type: 'keyof Methods' })
  return banner('emit/methods.ts') + source.getFullText()
}
