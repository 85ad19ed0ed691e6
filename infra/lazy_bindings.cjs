// jsii requires lib/index.js of the AWS provider, which loads all of its 1,500 resources. lib/lazy-index.js, shipped beside it,
// exports the same names and loads each on first use. `node --require` runs this before jsii starts.
const Module = require("module");

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (...request) {
  return resolveFilename.apply(this, request).replace(/([\\/]provider-aws[\\/]lib[\\/])index\.js$/, "$1lazy-index.js");
};
