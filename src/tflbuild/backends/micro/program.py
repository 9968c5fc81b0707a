"""The C++ program that runs the sample of a delivered file and holds the outputs to those that are expected."""

from __future__ import annotations

MAIN = r"""
// Runs one sample through the model, prints the outputs and holds them to those that are expected.
// Ends with 0 where they agree, with 1 where one differs, and with 2 where the model cannot be run.
// docs/devices.md says how this is compiled and what it is linked with.

#include <cinttypes>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "model.h"
#include "resolver.h"
#include "sample.h"
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

alignas(16) uint8_t arena[kArenaSize];

// Floats may differ in their last digits between compilers; integers may not.
constexpr float kTolerance = 1e-4f;

int Fail(const char* what) {
  printf("%s\n", what);
  return 2;
}

template <typename T>
T At(const void* bytes, size_t place) {
  T value;
  memcpy(&value, static_cast<const unsigned char*>(bytes) + place * sizeof(T), sizeof(T));
  return value;
}

// Gives the size of a number, 0 for a type that is not printed.
size_t SizeOf(TfLiteType type) {
  switch (type) {
    case kTfLiteBool:
    case kTfLiteInt8:
    case kTfLiteUInt8:
      return 1;
    case kTfLiteInt16:
      return 2;
    case kTfLiteInt32:
    case kTfLiteFloat32:
      return 4;
    case kTfLiteInt64:
      return 8;
    default:
      return 0;
  }
}

int64_t Integer(TfLiteType type, const void* bytes, size_t place) {
  switch (type) {
    case kTfLiteInt8:
      return At<int8_t>(bytes, place);
    case kTfLiteInt16:
      return At<int16_t>(bytes, place);
    case kTfLiteInt32:
      return At<int32_t>(bytes, place);
    case kTfLiteInt64:
      return At<int64_t>(bytes, place);
    default:
      return At<uint8_t>(bytes, place);
  }
}

bool Same(TfLiteType type, const void* given, const void* wanted, size_t place) {
  if (type != kTfLiteFloat32) return Integer(type, given, place) == Integer(type, wanted, place);
  const float one = At<float>(given, place), other = At<float>(wanted, place);
  if (std::isnan(one) || std::isnan(other)) return std::isnan(one) && std::isnan(other);
  return one == other || std::fabs(one - other) <= kTolerance * std::fmax(1.0f, std::fabs(other));
}

void Print(TfLiteType type, const void* bytes, size_t place) {
  if (type == kTfLiteFloat32) {
    printf(" %.9g", static_cast<double>(At<float>(bytes, place)));
  } else {
    printf(" %" PRId64, Integer(type, bytes, place));
  }
}

// Prints an output; gives how many of its numbers are not those that are expected.
size_t Differing(int index, const TfLiteTensor* output, const SampleTensor& expected) {
  size_t differing = 0, first = 0;
  printf("output %d:", index);
  for (size_t place = 0; place < expected.compared; ++place) {
    Print(output->type, output->data.data, place);
    if (!Same(output->type, output->data.data, expected.bytes, place) && differing++ == 0) first = place;
  }
  printf("\n");
  if (differing != 0) {
    printf("output %d differs at %lu places, first at %lu: expected", index,
           static_cast<unsigned long>(differing), static_cast<unsigned long>(first));
    Print(output->type, expected.bytes, first);
    printf("\n");
  }
  return differing;
}

}  // namespace

int main() {
  const tflite::Model* model = tflite::GetModel(model_data);
  if (model->version() != TFLITE_SCHEMA_VERSION) return Fail("the model has another version of the schema");
  static ModelResolver resolver;
  if (AddOperators(resolver) != kTfLiteOk) return Fail("an operator cannot be registered");
  tflite::MicroAllocator* allocator = tflite::MicroAllocator::Create(arena, kArenaSize);
  if (allocator == nullptr) return Fail("the arena is too small");
  tflite::MicroResourceVariables* variables = nullptr;
  if (kResourceVariables > 0) {
    variables = tflite::MicroResourceVariables::Create(allocator, kResourceVariables);
  }
  static tflite::MicroInterpreter interpreter(model, resolver, allocator, variables);
  if (interpreter.AllocateTensors() != kTfLiteOk) return Fail("the tensors cannot be allocated");
  if (interpreter.inputs_size() != static_cast<size_t>(sample_inputs_count)) {
    return Fail("the sample has other inputs than the model");
  }
  for (int place = 0; place < sample_inputs_count; ++place) {
    const SampleTensor& given = sample_inputs[place];
    TfLiteTensor* input = interpreter.input(given.index);
    if (input->bytes != given.size) return Fail("an input of the sample has another size");
    memcpy(input->data.data, given.bytes, given.size);
  }
  if (interpreter.Invoke() != kTfLiteOk) return Fail("the model cannot be run");
  size_t differing = 0;
  for (int place = 0; place < expected_outputs_count; ++place) {
    const SampleTensor& expected = expected_outputs[place];
    const TfLiteTensor* output = interpreter.output(expected.index);
    const size_t size = SizeOf(output->type);
    if (size == 0) return Fail("an output has a type that is not known here");
    if (output->bytes != expected.size) return Fail("an output has another size");
    differing += Differing(expected.index, output, expected);
  }
  printf("arena: %lu of %lu bytes used\n", static_cast<unsigned long>(interpreter.arena_used_bytes()),
         static_cast<unsigned long>(kArenaSize));
  return differing == 0 ? 0 : 1;
}
"""
