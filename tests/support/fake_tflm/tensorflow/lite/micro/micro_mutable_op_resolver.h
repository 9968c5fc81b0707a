// A stand-in: the methods that register operators. Each may be called once, and no more of them than the size says.
#pragma once
#include <cstring>

#include "tensorflow/lite/c/common.h"

namespace tflite {
class MicroOpResolver {
 public:
  virtual ~MicroOpResolver() = default;
  size_t count() const { return count_; }

 protected:
  TfLiteStatus Take(const char* name, size_t most) {
    for (size_t place = 0; place < count_; ++place) {
      if (std::strcmp(added_[place], name) == 0) return kTfLiteError;
    }
    if (count_ >= most) return kTfLiteError;
    added_[count_++] = name;
    return kTfLiteOk;
  }

 private:
  const char* added_[256] = {};
  size_t count_ = 0;
};

template <unsigned int size>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
#define METHOD(name) \
  TfLiteStatus name() { return Take(#name, size); }
  METHOD(AddAbs) METHOD(AddAdd) METHOD(AddAddN) METHOD(AddArgMax) METHOD(AddArgMin)
  METHOD(AddAssignVariable) METHOD(AddAveragePool2D) METHOD(AddBatchMatMul)
  METHOD(AddBatchToSpaceNd) METHOD(AddBroadcastArgs) METHOD(AddBroadcastTo) METHOD(AddCallOnce)
  METHOD(AddCast) METHOD(AddCeil) METHOD(AddCircularBuffer) METHOD(AddConcatenation)
  METHOD(AddConv2D) METHOD(AddCos) METHOD(AddCumSum) METHOD(AddDecode) METHOD(AddDelay)
  METHOD(AddDepthToSpace) METHOD(AddDepthwiseConv2D) METHOD(AddDequantize)
  METHOD(AddDetectionPostprocess) METHOD(AddDiv) METHOD(AddDynamicUpdateSlice) METHOD(AddElu)
  METHOD(AddEmbeddingLookup) METHOD(AddEnergy) METHOD(AddEqual) METHOD(AddEthosU) METHOD(AddExp)
  METHOD(AddExpandDims) METHOD(AddFftAutoScale) METHOD(AddFill) METHOD(AddFilterBank)
  METHOD(AddFilterBankLog) METHOD(AddFilterBankSpectralSubtraction) METHOD(AddFilterBankSquareRoot)
  METHOD(AddFloor) METHOD(AddFloorDiv) METHOD(AddFloorMod) METHOD(AddFramer)
  METHOD(AddFullyConnected) METHOD(AddGather) METHOD(AddGatherNd) METHOD(AddGreater)
  METHOD(AddGreaterEqual) METHOD(AddHardSwish) METHOD(AddIf) METHOD(AddIrfft)
  METHOD(AddL2Normalization) METHOD(AddL2Pool2D) METHOD(AddLeakyRelu) METHOD(AddLess)
  METHOD(AddLessEqual) METHOD(AddLog) METHOD(AddLogSoftmax) METHOD(AddLogicalAnd)
  METHOD(AddLogicalNot) METHOD(AddLogicalOr) METHOD(AddLogistic) METHOD(AddMaxPool2D)
  METHOD(AddMaximum) METHOD(AddMean) METHOD(AddMinimum) METHOD(AddMirrorPad) METHOD(AddMul)
  METHOD(AddNeg) METHOD(AddNotEqual) METHOD(AddOverlapAdd) METHOD(AddPCAN) METHOD(AddPack)
  METHOD(AddPad) METHOD(AddPadV2) METHOD(AddPrelu) METHOD(AddQuantize) METHOD(AddReadVariable)
  METHOD(AddReduceAll) METHOD(AddReduceMax) METHOD(AddReduceMin) METHOD(AddRelu) METHOD(AddRelu6)
  METHOD(AddReshape) METHOD(AddResizeBilinear) METHOD(AddResizeNearestNeighbor)
  METHOD(AddReverseV2) METHOD(AddRfft) METHOD(AddRound) METHOD(AddRsqrt) METHOD(AddSelectV2)
  METHOD(AddShape) METHOD(AddSin) METHOD(AddSlice) METHOD(AddSoftmax) METHOD(AddSpaceToBatchNd)
  METHOD(AddSpaceToDepth) METHOD(AddSplit) METHOD(AddSplitV) METHOD(AddSqrt) METHOD(AddSquare)
  METHOD(AddSquaredDifference) METHOD(AddSqueeze) METHOD(AddStacker) METHOD(AddStridedSlice)
  METHOD(AddSub) METHOD(AddSum) METHOD(AddSvdf) METHOD(AddTanh) METHOD(AddTranspose)
  METHOD(AddTransposeConv) METHOD(AddUnidirectionalSequenceLSTM) METHOD(AddUnpack)
  METHOD(AddVarHandle) METHOD(AddWhile) METHOD(AddWindow) METHOD(AddZerosLike)
#undef METHOD
};
}  // namespace tflite
