// Spares Node what no synth needs. jsii requires lib/index.js of the AWS provider, which loads all of its 1,500 resources;
// lib/lazy-index.js, shipped beside it, exports the same names and loads each on first use. And each token keeps the stack
// of Node's calls that made it, which no message of the toolkit shows to Python.
const Module = require("module");

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (...request) {
  return resolveFilename.apply(this, request).replace(/([\\/]provider-aws[\\/]lib[\\/])index\.js$/, "$1lazy-index.js");
};

const load = Module._load;
Module._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  if (request.endsWith("/stack-trace") && loaded.captureStackTrace) loaded.captureStackTrace = () => [];
  return loaded;
};
