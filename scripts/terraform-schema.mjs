// node scripts/terraform-schema.mjs DIR... > test/vectors/terraform-schema.json
// What Terraform's providers take, of the resources that `enfold bucket template` writes: from unpacked @cdktf/provider-aws and @cdktf/provider-random
// packages (`npm pack NAME`), which are generated from the schemas that the providers publish. Needed again only when a template writes more.
import fs from 'node:fs';
import path from 'node:path';

const RESOURCES = [
  'aws_s3_bucket', 'aws_s3_bucket_server_side_encryption_configuration', 'aws_s3_bucket_versioning', 'aws_s3_bucket_public_access_block', 'aws_s3_bucket_ownership_controls', 'aws_s3_bucket_lifecycle_configuration',
  'aws_s3_bucket_policy', 'aws_kms_key', 'aws_kms_alias', 'aws_secretsmanager_secret', 'aws_secretsmanager_secret_version', 'data.aws_caller_identity', 'random_password',
];
const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Every `interface` of a declaration file, with its properties: true where they must be given. */
function interfacesOf(text) {
  return new Map([...text.matchAll(/export interface (\w+)[^{]*\{([\s\S]*?)\n\}/g)].map(([, name, body]) => [name, new Map([...body.matchAll(/^ {4}readonly (\w+)(\??):/gm)].map(([, property, mark]) => [property, mark === '']))]));
}

function bodyOf(attributesText, required, functions, interfaces) {
  const attributes = {};
  const blocks = {};
  for (const [, name, value, isBlock, type, storage] of attributesText.matchAll(/^ +(\w+): \{\s*value: ([^\n]+),\s*isBlock: (true|false),\s*type: "(\w+)",\s*storageClassType: "(\w+)"/gm)) {
    const isRequired = required?.get(camel(name)) ?? false;
    if (isBlock === 'false') attributes[name] = { type: type === 'simple' ? storage : `${type} of ${storage.replace(/(List|Map)$/, '')}`, ...(isRequired && { required: true }) };
    else {
      const made = /(\w+)ToHclTerraform/.exec(value)?.[1] ?? '';
      const of = interfaces.get(made[0].toUpperCase() + made.slice(1));
      blocks[name] = { ...(isRequired && { required: true }), ...bodyOf(functions.get(made) ?? '', of, functions, interfaces) };
    }
  }
  return { attributes, ...(Object.keys(blocks).length > 0 && { blocks }) };
}

const providers = {};
const resources = {};
for (const directory of process.argv.slice(2)) {
  const { name, version, cdktf } = JSON.parse(fs.readFileSync(path.join(directory, 'package.json'), 'utf8'));
  providers[cdktf.provider.name] = { version: cdktf.provider.version, from: `${name} ${version}` };
  for (const resource of RESOURCES) {
    const provider = name.replace('@cdktf/provider-', '');
    // The provider's name stands before a data source's, and not before a resource's.
    if (!resource.replace('data.', '').startsWith(`${provider}_`)) continue;
    const file = path.join(directory, 'lib', resource.replace(/^data\./, 'data_').replace(/^(aws|random)_/, '').replaceAll('_', '-'));
    const code = fs.readFileSync(path.join(file, 'index.js'), 'utf8');
    const types = fs.readFileSync(path.join(file, 'index.d.ts'), 'utf8');
    const functions = new Map([...code.matchAll(/^function (\w+)ToHclTerraform\(struct\) \{([\s\S]*?)\n\}/gm)].map(([, made, body]) => [made, body]));
    const interfaces = interfacesOf(types);
    const config = [...interfaces].find(([each]) => each.endsWith('Config'))?.[1];
    const own = code.slice(code.lastIndexOf('synthesizeHclAttributes'));
    const readable = [...types.slice(types.lastIndexOf('export declare class')).matchAll(/^ {4}get (\w+)\(\)/gm)].map(([, property]) => snake(property)).filter((property) => !property.endsWith('_input'));
    resources[resource] = { ...bodyOf(own, config, functions, interfaces), readable };
  }
}
process.stdout.write(`${JSON.stringify({ providers, resources }, null, 1)}\n`);
