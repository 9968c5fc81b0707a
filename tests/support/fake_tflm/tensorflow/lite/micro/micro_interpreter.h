// A stand-in that computes nothing: a file, named by FAKE_TENSORS, has a tensor a line, as "input TYPE HEX" or
// "output TYPE HEX" with TYPE a number of TfLiteType. Outputs are those where every input is; otherwise they are zeros.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite {
class MicroInterpreter {
 public:
  MicroInterpreter(const Model*, const MicroOpResolver& resolver, MicroAllocator* allocator,
                   MicroResourceVariables* variables = nullptr)
      : resolver_(resolver), allocator_(allocator), variables_(variables) {}

  TfLiteStatus AllocateTensors() {
    FILE* file = std::fopen(std::getenv("FAKE_TENSORS"), "r");
    char what[16], hex[1024];
    int type = 0;
    while (std::fscanf(file, "%15s %d %1023s", what, &type, hex) == 3) {
      Side& side = what[0] == 'i' ? inputs_ : outputs_;
      side.Add(static_cast<TfLiteType>(type), hex);
    }
    std::fclose(file);
    return resolver_.count() > 0 ? kTfLiteOk : kTfLiteError;
  }

  size_t inputs_size() const { return inputs_.count; }
  size_t outputs_size() const { return outputs_.count; }
  TfLiteTensor* input(size_t index) { return &inputs_.tensors[index]; }
  TfLiteTensor* output(size_t index) { return &outputs_.tensors[index]; }

  TfLiteStatus Invoke() {
    for (size_t index = 0; index < inputs_.count; ++index) {
      if (std::memcmp(inputs_.held[index], inputs_.wanted[index], kMost) != 0) return kTfLiteOk;
    }
    std::memcpy(outputs_.held, outputs_.wanted, sizeof(outputs_.held));
    return kTfLiteOk;
  }

  size_t arena_used_bytes() const { return allocator_->size() + (variables_ ? variables_->count : 0); }

 private:
  static constexpr size_t kMost = 512;

  struct Side {
    size_t count = 0;
    TfLiteTensor tensors[16];
    alignas(16) unsigned char wanted[16][kMost] = {};
    alignas(16) unsigned char held[16][kMost] = {};

    void Add(TfLiteType type, const char* hex) {
      const size_t size = std::strlen(hex) / 2;
      for (size_t place = 0; place < size; ++place) {
        std::sscanf(hex + 2 * place, "%2hhx", &wanted[count][place]);
      }
      tensors[count].type = type;
      tensors[count].data.data = held[count];
      tensors[count].bytes = size;
      ++count;
    }
  };

  const MicroOpResolver& resolver_;
  MicroAllocator* allocator_;
  MicroResourceVariables* variables_;
  Side inputs_, outputs_;
};
}  // namespace tflite
