// Names a stack's elements by their paths: `data/bucket` of type aws_s3_bucket is aws_s3_bucket.data. A stack's own method in
// Python would do the same at four messages between the languages for each element, a quarter of a synth's time.
const Module = require("module");

const load = Module._load;
Module._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  if (request.endsWith("/terraform-stack") && loaded.TerraformStack) {
    loaded.TerraformStack.prototype.allocateLogicalId = allocateLogicalId;
  }
  return loaded;
};

const RESOURCE = Symbol.for("cdktf/TerraformResource");
const taken = new WeakMap();

function allocateLogicalId(element) {
  const node = element.node ?? element;
  const kind = RESOURCE in element ? element.terraformResourceType : "";
  const parts = node.path.split("/").slice(1);
  // The type says already what the last part repeats.
  if (parts.length > 1 && kind.endsWith(parts.at(-1).replaceAll("-", "_"))) parts.pop();
  const name = parts.join("_").replace(/\W+/g, "_");
  const address = kind ? `${kind}.${name}` : name;
  if (!taken.has(this)) taken.set(this, new Map());
  const paths = taken.get(this);
  const owner = paths.get(address) ?? node.path;
  if (owner !== node.path) throw new Error(`address taken: ${JSON.stringify({ path: node.path, address, owner })}`);
  paths.set(address, owner);
  return name;
}
