import { createRequire } from "node:module";
import type AjvCompiler from "@fastify/ajv-compiler";

type BuildValidators = AjvCompiler.BuildCompilerFromPool;
type Validator = ReturnType<ReturnType<BuildValidators>>;

/**
 * What Fastify does with schemas by default is a third of what the start of a service costs. Left out: the schema of
 * schemas, compiled to check ours (ajv refuses unknown keywords, and values of the wrong type, without it); and the compiler
 * of serializers, which brings an ajv of its own, since answers are not written by a schema. What is left is put off: ajv is
 * loaded, and a schema compiled, when the first request has to pass it.
 */
export const lightSchemas = {
  ajv: { customOptions: { validateSchema: false } },
  schemaController: {
    compilersFactory: {
      buildValidator: compileOnFirstUse,
      buildSerializer: () => () => (answer: unknown) => JSON.stringify(answer),
    },
  },
} as const;

const require = createRequire(import.meta.url);

/** As Fastify's own, but what is handed out is compiled once it is called, or asked for anything that a validator has. */
function compileOnFirstUse(...options: Parameters<BuildValidators>): ReturnType<BuildValidators> {
  let compile: ReturnType<BuildValidators> | undefined;
  return (...schema) => {
    let validator: Validator | undefined;
    const compiled = (): Validator => {
      compile ??= (require("@fastify/ajv-compiler") as typeof AjvCompiler)()(...options);
      return (validator ??= compile(...schema));
    };
    // Never called: whatever is done with it is done with what stands for it. There is no validator yet to be the target.
    return new Proxy((() => false) as unknown as Validator, {
      apply: (_none, self, data) => Reflect.apply(compiled(), self, data) as unknown,
      get: (_none, name) => Reflect.get(compiled(), name) as unknown,
    });
  };
}
