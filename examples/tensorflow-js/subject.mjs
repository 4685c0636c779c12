// TensorFlow.js as a subject of lstm-ref: tf.layers.lstm and its relatives, judged by the documentation of Keras 2, which they follow.
//
//   npm install && lstm-ref run keras --subject "node subject.mjs" --divergences tensorflow-js.yaml
//
// The messages are described in lstm_ref/protocol/README.md.

import {createInterface} from 'node:readline';

// Only messages go to standard output: whatever the framework prints there goes to standard error.
console.log = console.info = console.error;

const tf = await import('@tensorflow/tfjs');
await tf.setBackend('cpu');

const ACTIVATIONS = ['tanh', 'sigmoid', 'linear', 'relu', 'hard_sigmoid', 'elu', 'gelu', 'mish', 'relu6', 'selu', 'softmax', 'softplus', 'softsign', 'swish', null];
const REGULARIZERS = [null, {class_name: 'L1', config: {l1: 0.25}}, {class_name: 'L2', config: {l2: 0.5}}, {class_name: 'L1L2', config: {l1: 0.125, l2: 0.25}}];
const CONSTRAINTS = [null, 'max_norm', 'non_neg', 'unit_norm', 'min_max_norm'];
const MASKS = ['full', 'right', 'left', 'unsorted', 'gaps', 'one-row-empty', 'gaps-int', 'gaps-float', 'gaps-over-nan', 'gaps-over-infinity', 'one-row-empty-over-nan'];

const OF_CELL = {
  'params.units': true,
  'params.activation': ACTIVATIONS,
  'params.recurrent_activation': ACTIVATIONS,
  'params.use_bias': true,
  'params.unit_forget_bias': true,
  'params.kernel_regularizer': REGULARIZERS,
  'params.recurrent_regularizer': REGULARIZERS,
  'params.bias_regularizer': REGULARIZERS,
  'params.kernel_constraint': CONSTRAINTS,
  'params.recurrent_constraint': CONSTRAINTS,
  'params.bias_constraint': CONSTRAINTS,
  'params.dropout': true,
  'params.recurrent_dropout': true,
};
const OF_LAYER = {
  'params.return_sequences': true,
  'params.return_state': true,
  'params.go_backwards': true,
  'params.stateful': true,
  'params.unroll': true,
  'call.initial_state': ['given', 'previous'],
  'call.mask': MASKS,
  'call.training': true,
};

const HELLO = {
  message: 'hello',
  protocol: 3,
  subject: 'tensorflow-js',
  versions: {node: process.versions.node, tfjs: tf.version.tfjs},
  implementations: [{
    name: 'tensorflow-js',
    dialect: 'keras',
    version: '2',
    accumulation: {float32: 'float32'},
    layers: {
      LSTM: {...OF_CELL, ...OF_LAYER},
      LSTMCell: OF_CELL, // within an RNN: how it is called by itself is not documented
      RNN: {'params.cell': true, ...OF_LAYER},
      Bidirectional: {
        'params.layer': true,
        'params.merge_mode': true,
        'call.initial_state': ['given', 'previous'],
        'call.mask': MASKS,
        'call.training': true,
      },
    },
    actions: ['weights', 'reset', 'train', 'from-config'],
    gradients: true,
    masks: ['call'],
    effects: true,
  }],
};

// What is not offered turns out only when the request is looked at.
class NotOffered extends Error {}

// What TensorFlow.js throws is a result; what this script throws is a fault of its own.
class Thrown extends Error {
  constructor(cause) {
    super(cause.message, {cause});
  }
}

function inFramework(action) {
  try {
    return action();
  } catch (error) {
    throw new Thrown(error);
  }
}

// ---- arrays

const STORED = {float32: Float32Array, int32: Int32Array, bool: Uint8Array, int64: BigInt64Array, float64: Float64Array};

function toTensor({dtype, shape, data}) {
  const bytes = Buffer.from(data, 'base64');
  if (!(dtype in STORED)) throw new NotOffered(`TensorFlow.js has no arrays of ${dtype}`);
  // The bytes of a Buffer need not begin where an array of numbers may.
  const values = new STORED[dtype](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  if (dtype === 'int64') return tf.tensor(Int32Array.from(values, Number), shape, 'int32');
  if (dtype === 'float64') throw new NotOffered('TensorFlow.js has no arrays of float64');
  return tf.tensor(values, shape, dtype);
}

function fromTensor(tensor) {
  // Where there are no numbers, 4.22 gives a plain list of none.
  const values = tensor.size ? tensor.dataSync() : new STORED[tensor.dtype](0);
  return {
    dtype: tensor.dtype,
    shape: tensor.shape,
    data: Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64'),
  };
}

// ---- layers

const camel = name => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

function toValue(name, value, drawn) {
  if (name.endsWith('activation')) return value === null ? 'linear' : camel(value);
  if (name.endsWith('regularizer') && value !== null) return tf.regularizers[value.class_name.toLowerCase()](value.config);
  if (name.endsWith('constraint') && value !== null) return camel(value);
  if (Array.isArray(value)) return value.map(each => built(each, drawn));
  return value !== null && typeof value === 'object' ? built(value, drawn) : value;
}

// Where TensorFlow.js documents another default than Keras, the layer is given that of Keras.
const DEFAULTS = {recurrent_activation: 'sigmoid', kernel_initializer: 'glorot_uniform', unit_forget_bias: true};

// Where the weights are given there is no need to draw some: to make a large orthogonal matrix takes seconds.
const NOT_DRAWN = {...DEFAULTS, kernel_initializer: 'zeros', recurrent_initializer: 'zeros'};

function built({layer, params = {}, weights = {}}, drawn = Object.keys(weights).length === 0) {
  const own = layer.startsWith('LSTM') ? {...(drawn ? DEFAULTS : NOT_DRAWN), ...params} : params;
  const options = Object.fromEntries(Object.entries(own).map(([name, value]) => [camel(name), name.endsWith('initializer') ? camel(value) : toValue(name, value, drawn)]));
  const make = {LSTM: tf.layers.lstm, LSTMCell: tf.layers.lstmCell, RNN: tf.layers.rnn, Bidirectional: tf.layers.bidirectional}[layer];
  return inFramework(() => make(options));
}

// A recurrent layer does not note by itself that it is built, and would be built again by its first call (4.22).
function build(layer, batchShape) {
  inFramework(() => layer.build(batchShape));
  layer.built = true;
  layer.batchShape = batchShape;
}

// The parts that have weights of their own, each with what the names of its weights begin with in the protocol.
function* parts(layer, prefix = '') {
  if (layer.forwardLayer) {
    yield* parts(layer.forwardLayer, `${prefix}forward/`);
    yield* parts(layer.backwardLayer, `${prefix}backward/`);
  } else if (layer.cells) {
    for (const [index, cell] of layer.cells.entries()) yield* parts(cell, `${prefix}${index}/`);
  } else if (layer.cell) {
    yield* parts(layer.cell, prefix);
  } else {
    yield [prefix, layer];
  }
}

const NAMES = {kernel: 'kernel', recurrentKernel: 'recurrent_kernel', bias: 'bias'};

function weightsOf(layer) {
  const found = new Map();
  for (const [prefix, part] of parts(layer)) {
    for (const [attribute, name] of Object.entries(NAMES)) if (part[attribute]) found.set(prefix + name, part[attribute]);
  }
  return found;
}

function setWeights(layer, weights) {
  const own = weightsOf(layer);
  const expected = [...own.keys()].sort().join(), given = Object.keys(weights).sort().join();
  if (expected !== given) throw new Error(`the layer has the weights ${expected}, the request has ${given}`);
  for (const [name, variable] of own) {
    const value = toTensor(weights[name]);
    // `write` would apply the constraint, which Keras does in training alone.
    variable.val.assign(value);
  }
}

// ---- calls

// The argument with what `make` makes of each array, by its path, in its place. What comes from the previous call is what the call before returned.
function made(argument, path, make, returned) {
  if ('tensor' in argument) return make(path, toTensor(argument.tensor));
  if ('list' in argument) return argument.list.map((each, index) => made(each, `${path}[${index}]`, make, returned));
  if ('previous' in argument) return previous(argument.previous, path, make, returned);
  return argument.plain;
}

function previous(positions, path, make, returned) {
  return positions.map((position, index) => {
    const here = `${path}[${index}]`;
    return Array.isArray(position) ? previous(position, here, make, returned) : make(here, returned[position].clone());
  });
}

function structure(result) {
  return Array.isArray(result) ? `[${result.map(structure).join(', ')}]` : '*';
}

// Inputs and states are differentiated by; a mask of numbers is not.
const isSource = (path, tensor) => tensor.dtype === 'float32' && path !== 'mask';

function masksOf(layer) {
  const masks = {};
  for (const [prefix, part] of parts(layer)) {
    // The first of four masks is used for all gates and timesteps: (gates, batch, timesteps, features or units).
    for (const [attribute, name] of [['dropoutMask', 'dropout'], ['recurrentDropoutMask', 'recurrent_dropout']]) {
      const mask = part[attribute]?.[0];
      if (mask) masks[prefix + name] = fromTensor(mask.reshape([1, mask.shape[0], 1, mask.shape[1]]));
    }
  }
  return masks;
}

function called(layer, step, returned) {
  const given = new Map();
  const entered = (path, tensor) => {
    given.set(path, isSource(path, tensor) ? tf.variable(tensor) : tensor);
    return given.get(path);
  };
  const argument = Object.fromEntries(Object.entries(step.arguments).map(([name, value]) => [name, made(value, name, entered, returned)]));
  const {sequences, ...others} = argument;
  const options = {};
  if (others.initial_state !== undefined) options.initialState = others.initial_state;
  if (others.mask !== undefined) options.mask = others.mask;
  if (others.training !== undefined) options.training = others.training;
  const before = new Map([...given].map(([path, tensor]) => [path, fromTensor(tensor).data]));

  let result, losses, fits = true;
  const run = () => {
    result = layer.apply(sequences, options);
    losses = layer.calculateLosses?.() ?? [];
    return result;
  };
  const gradients = {};
  let outputs;
  if (step.cotangents === null) {
    outputs = inFramework(() => [run()].flat(Infinity));
  } else {
    const weights = weightsOf(layer);
    const sources = new Map([...[...weights].map(([name, weight]) => [name, weight.val]), ...[...given].filter(([path, tensor]) => isSource(path, tensor))]);
    const cotangents = step.cotangents.map(toTensor);
    const differentiated = () => {
      outputs = [run()].flat(Infinity).map(output => tf.keep(output));
      losses = losses.map(loss => tf.keep(loss));
      // Outputs of other shapes than expected are shown as they are; they have no inner product with these cotangents.
      fits = outputs.map(output => output.shape).join('|') === cotangents.map(each => each.shape).join('|');
      const products = outputs.map((output, index) => tf.sum(fits ? tf.mul(output, cotangents[index]) : output));
      return tf.addN([...products, ...losses].map(each => each.asScalar()));
    };
    const {grads} = inFramework(() => tf.variableGrads(differentiated, [...sources.values()]));
    if (fits) for (const [path, source] of sources) gradients[path] = grads[source.name] ? fromTensor(grads[source.name]) : null;
  }
  const call = {
    structure: structure(result),
    outputs: outputs.map(fromTensor),
    gradients,
    changed: [...given].filter(([path, tensor]) => fromTensor(tensor).data !== before.get(path)).map(([path]) => path),
    drawn: step.arguments.training?.plain === true ? masksOf(layer) : {},
    effects: losses.length ? {losses: fromTensor(tf.stack(losses))} : {},
  };
  return [call, outputs];
}

async function trained(layer, step) {
  const {sequences, targets, epochs, learning_rate, ...others} =
      Object.fromEntries(Object.entries(step.arguments).map(([name, value]) => [name, made(value, name, (_, tensor) => tensor, [])]));
  if (Object.keys(others).length) throw new NotOffered(`a model of TensorFlow.js is trained without ${Object.keys(others).join(' and ')}`);
  const fitting = inFramework(() => {
    const input = tf.input({batchShape: sequences.shape});
    const output = [layer.apply(input)].flat()[0];
    const model = tf.model({inputs: input, outputs: output});
    model.compile({optimizer: tf.train.sgd(learning_rate), loss: 'meanSquaredError'});
    return model.fit(sequences, targets, {batchSize: sequences.shape[0], epochs, shuffle: false, verbose: 0});
  });
  await fitting.catch(error => {
    throw new Thrown(error);
  });
  return layer;
}

function fromConfig(layer) {
  const other = inFramework(() => layer.constructor.fromConfig(layer.constructor, layer.getConfig()));
  if (layer.built) {
    build(other, layer.batchShape);
    const weights = weightsOf(other);
    for (const [name, variable] of weightsOf(layer)) weights.get(name).val.assign(variable.val);
  }
  return other;
}

// ---- requests

function raised(error, step) {
  const types = [];
  for (let kind = error.constructor; kind?.name && kind !== Error; kind = Object.getPrototypeOf(kind)) types.push(kind.name);
  return {types: [...types, 'Exception'], message: error.message, step, traceback: error.stack ?? ''};
}

async function answered(request) {
  if (Array.isArray(request.params.cell) && (request.params.return_state || request.steps.some(step => step.arguments.initial_state))) {
    throw new NotOffered('the states of a list of cells are a flat list in TensorFlow.js, those of the last cell first');
  }
  const inputs = request.steps.find(step => step.arguments.sequences)?.arguments.sequences;
  const trace = {calls: [], raised: null, seconds: 0};
  const started = performance.now();
  let layer, step = null;
  try {
    layer = built(request);
    build(layer, inputs.tensor.shape);
    if (Object.keys(request.weights).length) setWeights(layer, request.weights);
    let returned = [];
    for (step = 0; step < request.steps.length; step++) {
      const asked = request.steps[step];
      if (asked.action === 'call') {
        const [call, outputs] = called(layer, asked, returned);
        trace.calls.push(call);
        returned = outputs;
      } else if (asked.action === 'weights') {
        const weights = weightsOf(layer);
        const names = [...weights.keys()];
        trace.calls.push({structure: `{${names.map(name => `${name}: *`).join(', ')}}`, outputs: names.map(name => fromTensor(weights.get(name).read()))});
      } else if (asked.action === 'reset') {
        inFramework(() => layer.resetStates());
      } else if (asked.action === 'train') {
        layer = await trained(layer, asked);
      } else if (asked.action === 'from-config') {
        layer = fromConfig(layer);
      } else {
        throw new NotOffered(`no action ${asked.action}`);
      }
    }
  } catch (error) {
    if (!(error instanceof Thrown)) throw error;
    trace.raised = raised(error.cause, step);
  }
  trace.seconds = (performance.now() - started) / 1000;
  return trace;
}

// ---- messages

const send = message => process.stdout.write(JSON.stringify(message) + '\n');

send(HELLO);
for await (const line of createInterface({input: process.stdin, crlfDelay: Infinity})) {
  const {message, id, request} = JSON.parse(line);
  if (message === 'bye') {
    send({message: 'bye'});
    break;
  }
  tf.engine().startScope();
  try {
    send({message: 'trace', id, trace: await answered(request)});
  } catch (error) {
    if (error instanceof NotOffered) send({message: 'unsupported', id, reason: error.message});
    else send({message: 'broken', id, traceback: error.stack});
  }
  tf.engine().endScope();
  tf.disposeVariables();
}
