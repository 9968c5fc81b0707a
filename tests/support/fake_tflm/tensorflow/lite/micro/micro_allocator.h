// A stand-in: an arena that has to be aligned, and has to have a size.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tflite {
class MicroAllocator {
 public:
  static MicroAllocator* Create(uint8_t* arena, size_t size) {
    static MicroAllocator made;
    made.size_ = size;
    return reinterpret_cast<uintptr_t>(arena) % 16 == 0 && size > 0 ? &made : nullptr;
  }
  size_t size() const { return size_; }

 private:
  size_t size_ = 0;
};
}  // namespace tflite
